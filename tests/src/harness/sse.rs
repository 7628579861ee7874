//! Server-sent events, as strictly as a client needs them.

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The `event:` field; empty if there was none.
    pub name: String,
    /// The `data:` lines, joined.
    pub data: String,
}

impl Event {
    /// The data as JSON; null if it is none (`[DONE]`).
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.data).unwrap_or_default()
    }
}

/// The events of a whole body. What follows the last blank line is no event.
pub fn events(body: &str) -> Vec<Event> {
    let mut rest = body;
    std::iter::from_fn(|| take(&mut rest)).collect()
}

/// Takes one complete event with data off the front.
pub(super) fn take(rest: &mut &str) -> Option<Event> {
    loop {
        // A blank line ends it; Google's lines end in CR LF.
        let ends = ["\n\n", "\r\n\r\n"].into_iter().filter_map(|end| Some((rest.find(end)?, end.len())));
        let (at, length) = ends.min()?;
        let block = rest.get(..at)?;
        *rest = rest.get(at + length..)?;
        let mut event = Event { name: String::new(), data: String::new() };
        let mut data: Vec<&str> = Vec::new();
        for line in block.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut event.name),
                "data" => data.push(value),
                _ => {}
            }
        }
        if !data.is_empty() {
            event.data = data.join("\n");
            return Some(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_may_end_in_both() {
        let found = events("data: 1\r\n\r\ndata: 2\n\ndata: 3\r\n\r\n");
        assert_eq!(found.iter().map(|event| event.data.as_str()).collect::<String>(), "123");
    }

    #[test]
    fn comments_are_skipped_and_an_unfinished_event_is_none() {
        let found = events(": hello\n\nevent: a\ndata: 1\ndata: 2\n\ndata: x");
        assert_eq!(found, [Event { name: "a".into(), data: "1\n2".into() }]);
    }
}
