//! The text of this repository, and which modules of its crate a file names.

#![expect(clippy::unwrap_used, reason = "a helper of tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What was built, downloaded or recorded, and never written by a person. (`.git` is a file in a second work tree.)
const NOT_OURS: [&str; 5] = ["target", "data", "node_modules", ".git", ".cache"];

/// A file of Rust.
pub(super) struct Source {
    /// From the root of the repository, for example `dataplane/src/wire/fields.rs`.
    pub(super) path: String,
    /// Lines, those of unit tests left out.
    pub(super) lines: usize,
    /// The same lines without those that are comments.
    pub(super) code: String,
}

/// The root of the repository.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file that was written, from the root.
pub(super) fn files() -> Vec<String> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if NOT_OURS.contains(&name.as_str()) || name.starts_with(".venv") {
                continue;
            }
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let root = root();
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    found.sort();
    assert!(found.len() > 200, "the search itself is broken: {found:?}");
    found
}

/// The Rust files of a module: `dataplane/src/wire` means `wire.rs` and everything in `wire/`. Files of tests
/// (`tests.rs` and what is in `tests/`, `testing.rs`, a store's `suite.rs`) are none of its code.
pub(super) fn module(of: &str) -> Vec<Source> {
    let (file, folder) = (format!("{of}.rs"), format!("{of}/"));
    let is_test = |path: &str| {
        let names = ["tests", "testing", "suite", "figures", "properties"];
        path.split(['/', '.']).skip(2).any(|part| names.contains(&part))
    };
    let sources: Vec<_> = rust()
        .into_iter()
        .filter(|source| source.path == file || source.path.starts_with(&folder))
        .filter(|source| !is_test(&source.path))
        .collect();
    assert!(!sources.is_empty(), "there is no {of}");
    sources
}

/// Every Rust file.
pub(super) fn rust() -> Vec<Source> {
    let is_rust = |path: &String| Path::new(path).extension().is_some_and(|extension| extension == "rs");
    files().into_iter().filter(is_rust).map(Source::read).collect()
}

impl Source {
    fn read(path: String) -> Self {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        let lines = without_tests(&text);
        let code: Vec<_> =
            lines.iter().copied().filter(|line| !line.trim_start().starts_with("//")).collect();
        Self { lines: lines.len(), code: code.join("\n"), path }
    }

    /// Whether the code has this text.
    pub(super) fn has(&self, text: &str) -> bool {
        self.code.contains(text)
    }

    /// The file's module, for example `["wire", "fields"]`.
    pub(super) fn module(&self) -> Vec<String> {
        let (_, path) = self.path.split_once("/src/").unwrap();
        let path = path.strip_suffix(".rs").unwrap();
        path.split('/').filter(|name| *name != "lib").map(str::to_owned).collect()
    }

    /// Everything of its own crate that it names by a path (`crate::…`, `super::…`, `self::…`), resolved and with
    /// groups spread: `wire::Wire` for `use crate::{chat, wire::{Operation, Wire}}`, among others.
    pub(super) fn names(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(at) = next_path(&self.code, from) {
            let mut reader = Reader { text: self.code.as_bytes(), at };
            reader.path(self.module(), &mut found);
            from = reader.at.max(at + 1);
        }
        found
    }
}

/// rustfmt ends an item that stands at the left margin by a `}` or a `;` there.
fn without_tests(text: &str) -> Vec<&str> {
    let mut kept = Vec::new();
    let mut in_tests = false;
    for line in text.lines() {
        if line == "#[cfg(test)]" {
            in_tests = true;
        } else if !in_tests {
            kept.push(line);
        } else if line == "}" || (line.ends_with(';') && !line.starts_with([' ', '#'])) {
            in_tests = false;
        }
    }
    kept
}

fn next_path(code: &str, from: usize) -> Option<usize> {
    let starts = ["crate::", "super::", "self::"];
    let is_whole =
        |at: &usize| *at == 0 || !is_name(code.as_bytes()[at - 1]) && code.as_bytes()[at - 1] != b':';
    let first = |start: &&str| code[from..].match_indices(*start).map(|(at, _)| from + at).find(is_whole);
    starts.iter().filter_map(first).min()
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    /// A path or a tree of them; what it means is added to `found`.
    fn path(&mut self, mut module: Vec<String>, found: &mut Vec<String>) {
        loop {
            self.space();
            if self.take(b"{") {
                while !self.take(b"}") && self.at < self.text.len() {
                    self.path(module.clone(), found);
                    self.space();
                    self.take(b",");
                    self.space();
                }
                return;
            }
            match self.name() {
                "crate" => module.clear(),
                "super" => drop(module.pop()),
                "self" => {}
                // A glob, or an end that is no name.
                "" => self.at += 1,
                name => module.push(name.to_owned()),
            }
            if !self.take(b"::") {
                found.push(module.join("::"));
                return self.rename();
            }
        }
    }

    fn name(&mut self) -> &str {
        let start = self.at;
        while self.text.get(self.at).copied().is_some_and(is_name) {
            self.at += 1;
        }
        std::str::from_utf8(&self.text[start..self.at]).unwrap()
    }

    /// ` as other`
    fn rename(&mut self) {
        if self.take(b" as ") {
            self.name();
        }
    }

    fn space(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn take(&mut self, text: &[u8]) -> bool {
        let taken = self.text[self.at..].starts_with(text);
        self.at += if taken { text.len() } else { 0 };
        taken
    }
}

#[test]
fn paths_are_resolved() {
    let code = "use crate::{a::{self, B}, c};\nuse super::{d, super::e::*};\nlet f = self::g::H { i: crate::j(k) } as super::super::l::M;";
    let source = Source { path: "dataplane/src/x/y.rs".into(), lines: 0, code: code.into() };
    assert_eq!(source.names(), ["a", "a::B", "c", "x::d", "e", "x::y::g::H", "j", "l::M"]);
}

#[test]
fn tests_are_left_out() {
    let text =
        "a\n#[cfg(test)]\nmod b;\nc\n#[cfg(test)]\n#[expect(x)]\nmod tests {\n    fn d() {\n    }\n}\ne";
    assert_eq!(without_tests(text), ["a", "c", "e"]);
}
