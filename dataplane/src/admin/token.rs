//! The token that the money API asks for: a file, read for each request, so that a changed one is followed.

use std::{fs, io, path::PathBuf};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use sha2::{Digest as _, Sha256};

use crate::secret::SecretValue;

/// Characters: what nobody guesses has at least so many.
const SHORTEST: usize = 32;

/// Where the token is.
#[derive(Clone, Debug)]
pub struct TokenFile(PathBuf);

/// Why no token can be compared with. Says which file, and never what is in it.
#[derive(Debug, thiserror::Error)]
pub enum BadToken {
    /// Somebody has to put it there, or make it readable.
    #[error("the admin token {} cannot be read: {error}", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Somebody has to choose another one.
    #[error("the admin token in {} must be {SHORTEST} or more visible ASCII characters on one line", .0.display())]
    Weak(PathBuf),
}

impl TokenFile {
    /// The file exists and has a token; white space around it is none of it.
    pub fn new(file: PathBuf) -> Result<Self, BadToken> {
        let token = Self(file);
        token.read().map(|_| token)
    }

    /// Whether the request shows the token, as `Authorization: Bearer …`. How long it takes says nothing about the token.
    pub fn admits(&self, headers: &HeaderMap) -> Result<bool, BadToken> {
        let token = Sha256::digest(self.read()?.expose().trim());
        let shown = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let shown = shown.and_then(|value| value.split_at_checked("bearer ".len()));
        let shown = shown.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
        Ok(shown.is_some_and(|(_, shown)| {
            verify_slices_are_equal(&Sha256::digest(shown.trim_ascii()), &token).is_ok()
        }))
    }

    fn read(&self) -> Result<SecretValue, BadToken> {
        let text = fs::read_to_string(&self.0)
            .map_err(|error| BadToken::Unreadable { file: self.0.clone(), error })?;
        let value = SecretValue::new(text);
        let token = value.expose().trim();
        if token.len() < SHORTEST || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadToken::Weak(self.0.clone()));
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_alone_admits_and_a_new_one_at_once() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("token");
        let [first, second] = ["a", "b"].map(|letter| letter.repeat(SHORTEST));
        assert!(
            TokenFile::new(path.clone()).is_err_and(|error| error.to_string().contains("cannot be read"))
        );
        fs::write(&path, format!("{first}\n")).unwrap();
        let token = TokenFile::new(path.clone()).unwrap();
        let admits = |value: &str| {
            let value = HeaderValue::from_str(value).unwrap();
            token.admits(&HeaderMap::from_iter([(AUTHORIZATION, value)])).unwrap()
        };
        assert!(admits(&format!("Bearer {first}")) && admits(&format!("bearer  {first}")));
        for wrong in ["", "Bearer", "Bearer ", &first, &format!("Bearer {first}a"), &format!("Basic {first}")]
        {
            assert!(!admits(wrong), "{wrong}");
        }
        assert!(!token.admits(&HeaderMap::new()).unwrap());
        fs::write(&path, &second).unwrap();
        assert!(admits(&format!("Bearer {second}")) && !admits(&format!("Bearer {first}")));
    }

    #[test]
    fn a_weak_token_is_refused_and_not_shown() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("token");
        for weak in ["", "\n", "s3cr3t", &format!("{} {}", "s3cr3t", "a".repeat(40)), &"é".repeat(40)] {
            fs::write(&path, weak).unwrap();
            let error = TokenFile::new(path.clone()).unwrap_err();
            assert!(matches!(error, BadToken::Weak(_)) && !format!("{error} {error:?}").contains("s3cr3t"));
        }
    }
}
