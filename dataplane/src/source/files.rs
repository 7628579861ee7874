//! The manifests of a folder, as text.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{Location, Problem};
use crate::secret::keyring;

/// A manifest is text that people write; what is larger is something else.
const LARGEST: u64 = 64 << 20;
/// Folders in folders.
const DEEPEST: usize = 16;

/// One file.
pub(super) struct File {
    /// With the folder that was given in front, so that an editor finds it.
    pub(super) name: String,
    /// Its text, which may hold secrets.
    pub(super) text: Zeroizing<String>,
}

/// Every `*.yaml`, `*.yml` and `*.json` of a folder and the folders in it, by name; or the one file that is given.
///
/// Names that begin with a dot are passed over: editors' files, `.git`, and the real folders behind a mounted
/// `ConfigMap`, whose files are read through the links beside them. Links to folders are not followed.
pub(super) fn read(root: &Path) -> Result<Vec<File>, Vec<Problem>> {
    let paths = list(root, is_manifest).map_err(|(path, error)| vec![unreadable(&path, &error)])?;
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        match read_text(&path) {
            Ok(text) => files.push(File { name: path.display().to_string(), text: Zeroizing::new(text) }),
            // Taken away since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path != root => {}
            Err(error) => problems.push(unreadable(&path, &error)),
        }
    }
    if problems.is_empty() { Ok(files) } else { Err(problems) }
}

/// Changes when a manifest or a made key is added, taken away or written, at the price of looking at each file's metadata.
pub(super) fn fingerprint(roots: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for root in roots {
        for path in list(root, |path| is_manifest(path) || is_key(path)).unwrap_or_default() {
            let Ok(metadata) = fs::metadata(&path) else { continue };
            let written = (metadata.mtime(), metadata.mtime_nsec(), metadata.ino(), metadata.len());
            (path, written).hash(&mut hasher);
        }
    }
    hasher.finish()
}

fn list(root: &Path, wanted: fn(&Path) -> bool) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    if fs::metadata(root).map_err(|error| (root.to_owned(), error))?.is_file() {
        return Ok(vec![root.to_owned()]);
    }
    let mut found = Vec::new();
    walk(root, wanted, 0, &mut found)?;
    found.sort();
    Ok(found)
}

fn walk(
    folder: &Path,
    wanted: fn(&Path) -> bool,
    depth: usize,
    found: &mut Vec<PathBuf>,
) -> Result<(), (PathBuf, io::Error)> {
    let failed = |error| (folder.to_owned(), error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type().map_err(failed)?.is_dir() {
            if depth < DEEPEST {
                walk(&path, wanted, depth + 1, found)?;
            }
        } else if wanted(&path) && !path.is_dir() {
            found.push(path);
        }
    }
    Ok(())
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
}

fn is_key(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == keyring::EXTENSION)
}

fn read_text(path: &Path) -> io::Result<String> {
    let metadata = fs::metadata(path)?;
    if metadata.len() > LARGEST {
        return Err(io::Error::other("is too large to be a manifest"));
    }
    fs::read_to_string(path)
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let message = match error.kind() {
        io::ErrorKind::InvalidData => "is not UTF-8 text".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    let location = Location { file: path.display().to_string(), line: 0, column: 0 };
    Problem { location, object: String::new(), field: String::new(), message }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(root: &Path) -> Vec<String> {
        let prefix = format!("{}/", root.display());
        read(root)
            .unwrap()
            .into_iter()
            .map(|file| file.name.strip_prefix(&prefix).unwrap().to_owned())
            .collect()
    }

    #[test]
    fn manifests_are_found_in_folders_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("b/c")).unwrap();
        for name in ["z.yaml", "a.yml", "b/c/x.json", "README.md", ".hidden.yaml", "z.yaml~", "yaml"] {
            fs::write(root.join(name), "a: 1").unwrap();
        }
        assert_eq!(names(root), ["a.yml", "b/c/x.json", "z.yaml"]);
        assert_eq!(read(&root.join("README.md")).ok().unwrap().len(), 1, "a file that is named is read");
    }

    #[test]
    fn a_mounted_config_map_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("..2026_11_24")).unwrap();
        fs::write(root.join("..2026_11_24/hub.yaml"), "a: 1").unwrap();
        symlink("..2026_11_24", root.join("..data")).unwrap();
        symlink("..data/hub.yaml", root.join("hub.yaml")).unwrap();
        symlink(".", root.join("round.yaml")).unwrap();
        assert_eq!(names(root), ["hub.yaml"]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let problems = read(&folder.path().join("none")).err().unwrap();
        assert!(problems[0].message.starts_with("cannot be read: No such file"), "{problems:?}");
        fs::write(folder.path().join("bad.yaml"), [0xff, 0xfe]).unwrap();
        let problems = read(folder.path()).err().unwrap();
        assert_eq!(problems[0].message, "is not UTF-8 text");
        assert!(problems[0].location.file.ends_with("/bad.yaml"));
    }

    #[test]
    fn the_fingerprint_follows_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let roots = [folder.path().to_owned(), folder.path().join("not-there-yet")];
        let empty = fingerprint(&roots);
        fs::write(folder.path().join("a.yaml"), "a: 1").unwrap();
        let one = fingerprint(&roots);
        assert_ne!(empty, one);
        assert_eq!(one, fingerprint(&roots));
        fs::write(folder.path().join("a.yaml"), "a: 12").unwrap();
        assert_ne!(one, fingerprint(&roots));
    }
}
