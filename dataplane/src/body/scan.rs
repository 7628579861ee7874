//! Checks a whole JSON text and finds its top-level members, in one pass.

use std::{borrow::Cow, collections::HashSet, ops::Range};

use bytes::Bytes;

use super::{Body, MAX_DEPTH, Member};
use crate::json;

/// Why a body is not an acceptable JSON object: the client's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Malformed {
    #[error("the body is not valid UTF-8")]
    NotUtf8,
    #[error("the body is not valid JSON: {0}")]
    NotJson(String),
    #[error("the body must be a JSON object")]
    NotAnObject,
    #[error("the body is nested deeper than {} levels", super::MAX_DEPTH)]
    TooDeep,
    #[error("the field {0:?} is given twice")]
    Duplicate(String),
}

/// Checks the whole text and finds its top-level members.
///
/// Lone surrogate escapes (`"\ud83c"`) are accepted: they are bytes that the provider may judge. Numbers may be of
/// any size.
pub fn scan(bytes: Bytes) -> Result<Body, Malformed> {
    let members = members(&bytes)?;
    let body = Body { bytes, members };
    match duplicate(&body) {
        Some(name) => Err(Malformed::Duplicate(name)),
        None => Ok(body),
    }
}

/// The members of an object whose text is not kept; they may repeat.
pub(crate) fn members(text: &[u8]) -> Result<Vec<Member>, Malformed> {
    if std::str::from_utf8(text).is_err() {
        return Err(Malformed::NotUtf8);
    }
    let mut scanner = Scanner { text, at: 0 };
    scanner.document().map_err(|wrong| scanner.malformed(wrong))
}

/// A name that occurs twice.
fn duplicate(body: &Body) -> Option<String> {
    // Bodies have a dozen members; the set is for those who try what happens with a million.
    const FEW: usize = 32;
    let names = || body.members.iter().map(|member| body.name(member));
    if body.members.len() <= FEW {
        return names()
            .enumerate()
            .find(|(index, name)| names().take(*index).any(|other| other == *name))
            .map(own);
    }
    let mut seen = HashSet::with_capacity(body.members.len());
    names().find(|name| !seen.insert(*name)).map(str::to_owned)
}

fn own((_, name): (usize, &str)) -> String {
    name.to_owned()
}

/// What is wrong where the scanner stands: small, as every step returns it.
#[derive(Clone, Copy)]
enum Wrong {
    NotAnObject,
    TooDeep,
    Wanted(&'static &'static str),
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<Vec<Member>, Wrong> {
        self.whitespace();
        if self.peek() != Some(b'{') {
            // A text that is not even JSON is told so.
            return self.value(0).and_then(|()| self.end()).and(Err(Wrong::NotAnObject));
        }
        let mut members = Vec::with_capacity(16);
        self.object(1, |scanner, name, whole, value| members.push(scanner.member(name, whole, value)))?;
        self.end()?;
        Ok(members)
    }

    fn member(&self, name: Range<usize>, whole: Range<usize>, value: Range<usize>) -> Member {
        let escaped = self.text.get(name.clone()).is_some_and(|name| name.contains(&b'\\'));
        let unescaped = escaped.then(|| unescape(self.text.get(whole.start..=name.end).unwrap_or_default()));
        Member { name, unescaped, whole, value }
    }

    /// Nothing but white space may follow.
    fn end(&mut self) -> Result<(), Wrong> {
        self.whitespace();
        if self.at < self.text.len() { Err(Wrong::Wanted(&"the end")) } else { Ok(()) }
    }

    fn value(&mut self, depth: usize) -> Result<(), Wrong> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.object(depth + 1, |_, _, _, _| ()),
            Some(b'[') => self.array(depth + 1),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            _ => Err(Wrong::Wanted(&"a value")),
        }
    }

    /// Calls `member` with the name (without quotes), the whole member and its value.
    fn object(
        &mut self,
        depth: usize,
        mut member: impl FnMut(&Self, Range<usize>, Range<usize>, Range<usize>),
    ) -> Result<(), Wrong> {
        self.enter(depth)?;
        if self.leave(b'}') {
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(Wrong::Wanted(&"a name in quotes"));
            }
            let start = self.at;
            self.string()?;
            let name = start + 1..self.at - 1;
            self.whitespace();
            self.expect(b':', &"\":\"")?;
            self.whitespace();
            let value = self.at;
            self.value(depth)?;
            member(self, name, start..self.at, value..self.at);
            self.whitespace();
            if self.leave(b'}') {
                return Ok(());
            }
            self.expect(b',', &"\",\" or \"}\"")?;
            self.whitespace();
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), Wrong> {
        self.enter(depth)?;
        if self.leave(b']') {
            return Ok(());
        }
        loop {
            self.value(depth)?;
            self.whitespace();
            if self.leave(b']') {
                return Ok(());
            }
            self.expect(b',', &"\",\" or \"]\"")?;
            self.whitespace();
        }
    }

    fn enter(&mut self, depth: usize) -> Result<(), Wrong> {
        if depth > MAX_DEPTH {
            return Err(Wrong::TooDeep);
        }
        self.at += 1;
        self.whitespace();
        Ok(())
    }

    fn leave(&mut self, bracket: u8) -> bool {
        let found = self.peek() == Some(bracket);
        self.at += usize::from(found);
        found
    }

    fn string(&mut self) -> Result<(), Wrong> {
        self.at += 1;
        loop {
            self.at += json::plain_run(self.rest());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                _ => return Err(Wrong::Wanted(&"a string's closing quote")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Wrong> {
        match self.rest() {
            [_, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => self.at += 2,
            [_, b'u', a, b, c, d, ..] if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) => self.at += 6,
            _ => return Err(Wrong::Wanted(&"a valid escape")),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Wrong> {
        self.at += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Wrong> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return Err(Wrong::Wanted(&"a digit"));
        }
        self.at += count;
        Ok(())
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Wrong> {
        if !self.rest().starts_with(word) {
            return Err(Wrong::Wanted(&"a value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn expect(&mut self, byte: u8, what: &'static &'static str) -> Result<(), Wrong> {
        if self.peek() != Some(byte) {
            return Err(Wrong::Wanted(what));
        }
        self.at += 1;
        Ok(())
    }

    fn whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn malformed(&self, wrong: Wrong) -> Malformed {
        match wrong {
            Wrong::NotAnObject => Malformed::NotAnObject,
            Wrong::TooDeep => Malformed::TooDeep,
            Wrong::Wanted(wanted) => {
                let place = if self.at < self.text.len() { "at byte" } else { "but it ends at byte" };
                Malformed::NotJson(format!("expected {wanted} {place} {}", self.at))
            }
        }
    }
}

/// A quoted name with escapes, as text.
fn unescape(quoted: &[u8]) -> Box<str> {
    let mended = json::without_lone_surrogates(quoted).map_or(Cow::Borrowed(quoted), Cow::Owned);
    serde_json::from_slice(&mended).unwrap_or_default()
}
