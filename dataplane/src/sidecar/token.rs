//! The pod's token: a file that the kubelet replaces before it expires.

use std::{cell::RefCell, fs, io, os::unix::fs::MetadataExt as _, path::PathBuf};

use http::HeaderValue;

use crate::{provider::Auth, secret::SecretValue, upstream};

/// A projected `ServiceAccount` token. Read again when the file is another one: the kubelet writes the new token into a
/// folder beside the old one and swaps a link, so that there is never half of one.
#[derive(Debug)]
pub struct PodToken {
    path: PathBuf,
    last: RefCell<Option<(Stamp, HeaderValue)>>,
}

/// Why there is nothing to show. Says which file, and never what is in it.
#[derive(Debug, thiserror::Error)]
pub enum BadToken {
    /// The pod has no such volume, or may not read it.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("{} is empty", .0.display())]
    Empty(PathBuf),
    /// What is in it cannot be a token.
    #[error("{} has characters that no token has", .0.display())]
    NoToken(PathBuf),
}

/// Tells one file from the next in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    length: u64,
}

impl PodToken {
    /// The token in this file.
    pub fn new(path: PathBuf) -> Self {
        Self { path, last: RefCell::default() }
    }

    /// The value of `Authorization` now, marked sensitive so that nothing prints it. Costs a look at the file's dates.
    pub fn header(&self) -> Result<HeaderValue, BadToken> {
        let unreadable = |source| BadToken::Unreadable { path: self.path.clone(), source };
        let metadata = fs::metadata(&self.path).map_err(unreadable)?;
        let stamp = Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            length: metadata.len(),
        };
        if let Some((known, header)) = &*self.last.borrow()
            && *known == stamp
        {
            return Ok(header.clone());
        }
        let text = fs::read_to_string(&self.path).map_err(unreadable)?;
        if text.trim().is_empty() {
            return Err(BadToken::Empty(self.path.clone()));
        }
        let header = upstream::authorization(Auth::Bearer, &SecretValue::new(text));
        let (_, header) = header.ok_or_else(|| BadToken::NoToken(self.path.clone()))?;
        *self.last.borrow_mut() = Some((stamp, header.clone()));
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_in_its_place_is_read_and_a_bad_one_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let (path, next) = (folder.path().join("token"), folder.path().join("next"));
        let token = PodToken::new(path.clone());
        assert!(matches!(token.header(), Err(BadToken::Unreadable { .. })));
        let shown = |text: &str| {
            fs::write(&next, text).unwrap();
            fs::rename(&next, &path).unwrap();
            token.header()
        };
        assert_eq!(shown("one\n").unwrap(), "Bearer one");
        assert_eq!(token.header().unwrap(), "Bearer one");
        // As long as the first: the kernel may even give it the same inode number.
        let two = shown("two\n").unwrap();
        assert_eq!(two, "Bearer two");
        assert_eq!(format!("{two:?} {token:?}").matches("two").count(), 0);
        assert!(matches!(shown(" \n"), Err(BadToken::Empty(_))));
        let bad = shown("s3cr3t\nand more").unwrap_err();
        assert!(matches!(bad, BadToken::NoToken(_)) && !format!("{bad} {bad:?}").contains("s3cr3t"));
    }
}
