//! The library does no I/O, reads no clock and no randomness, prints nothing and never waits.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

const FORBIDDEN: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::io",
    "std::time",
    "tokio",
    "async fn",
    ".await",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "tz::db(",
    "TimeZone::system",
    "thread_rng",
    "getrandom",
    "HashMap::new",
    "include_str!",
    "println!",
    "dbg!",
];

/// The library's own files: programs and tests may do what they want.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "bin" {
                sources(&path, found);
            }
        } else if name != "tests.rs" {
            found.push(path);
        }
    }
}

#[test]
fn the_library_is_pure() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    assert!(files.len() > 30, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for forbidden in FORBIDDEN {
            assert!(!code.contains(forbidden), "{forbidden} in {}", file.display());
        }
        // `use std::{fs, …}` is the same in another spelling.
        for group in code.split("use std::{").skip(1) {
            let group = group.split("};").next().unwrap();
            for module in ["fs", "net", "env", "process", "thread", "io", "time"] {
                let named =
                    group.split([',', ' ', '\n', '{']).any(|word| word.trim_end_matches("::") == module);
                assert!(!named, "std::{module} in {}", file.display());
            }
        }
    }
}
