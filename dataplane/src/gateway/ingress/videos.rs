//! Paths of videos: jobs that are made, looked at, fetched and deleted.

use http::{HeaderMap, HeaderValue, header, request::Parts};

use super::{Endpoint, Errand, Generate, LONGEST_NAME, Wish, bounded, percent_decode};
use crate::{
    error::{GatewayError, Kind},
    wire::{Operation, Wire},
};

/// What a job can be fetched as.
const VARIANTS: [&str; 3] = ["video", "thumbnail", "spritesheet"];

/// Which endpoint a path means; `None` where it is of no video.
pub(super) fn endpoint(head: &Parts) -> Option<Result<Endpoint, GatewayError>> {
    let path = head.uri.path();
    let rest = path.strip_prefix("/v1").unwrap_or(path).strip_prefix("/videos")?;
    let method = head.method.as_str();
    if rest.is_empty() {
        return Some(match method {
            "POST" => {
                let (wire, operation) = (Wire::OpenAiChat, Operation::Videos);
                Ok(Endpoint::Generate(Generate { wire, operation, in_path: None }))
            }
            "GET" => Err(refused("this hub keeps no list of videos: keep the ids that it answers with")),
            _ => Err(other_method(head, "POST")),
        });
    }
    let (id, part) = match rest.strip_prefix('/')?.split_once('/') {
        Some((id, part)) => (id, Some(part)),
        None => (rest.strip_prefix('/')?, None),
    };
    if id.is_empty() {
        return None;
    }
    let errand = |wish, range| Ok(Endpoint::Job(Errand { id: percent_decode(id), wish, range }));
    let job = |wish| errand(wish, None);
    Some(match (part, method) {
        (None, "GET") => job(Wish::Look),
        (None, "DELETE") => job(Wish::Delete),
        (None, _) => Err(other_method(head, "GET, DELETE")),
        (Some("content"), "GET") => match variant(head.uri.query().unwrap_or_default()) {
            Ok(variant) => errand(Wish::Fetch(variant), range(&head.headers)),
            Err(error) => Err(error),
        },
        (Some("content"), _) => Err(other_method(head, "GET")),
        (Some("remix"), _) => {
            Err(refused("videos cannot be remixed through this hub: make a new one from a prompt"))
        }
        _ => return None,
    })
}

fn refused(message: &'static str) -> GatewayError {
    GatewayError::new(Kind::Refused, message)
}

fn other_method(head: &Parts, takes: &'static str) -> GatewayError {
    let path = bounded(head.uri.path(), LONGEST_NAME);
    GatewayError::new(Kind::MethodNotAllowed(takes), format!("{path} takes {takes}, not {}", head.method))
}

/// A single range of bytes. Any other is left out, and the whole answered, as HTTP has it; so is one that is bound to a version
/// (`If-Range`), as whether it is still that one is not known here.
fn range(headers: &HeaderMap) -> Option<HeaderValue> {
    let range = headers.get(header::RANGE).filter(|_| !headers.contains_key(header::IF_RANGE))?;
    let (from, to) = range.to_str().ok()?.strip_prefix("bytes=")?.split_once('-')?;
    let is_number = |text: &str| text.len() <= 19 && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_one = is_number(from) && is_number(to) && !(from.is_empty() && to.is_empty());
    is_one.then(|| range.clone())
}

/// `?variant=…`; whatever else stands there means nothing.
fn variant(query: &str) -> Result<Option<&'static str>, GatewayError> {
    let Some(asked) = query.split('&').find_map(|pair| pair.strip_prefix("variant=")) else {
        return Ok(None);
    };
    let known = VARIANTS.into_iter().find(|known| *known == asked);
    known.map(Some).ok_or_else(|| {
        let message = format!("\"variant\" must be one of {}", VARIANTS.join(", "));
        GatewayError::new(Kind::Refused, message).with_param("variant")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, path: &str) -> Option<Result<Endpoint, GatewayError>> {
        endpoint(&http::Request::builder().method(method).uri(path).body(()).unwrap().into_parts().0)
    }

    #[test]
    fn paths_mean_errands() {
        let wish = |method, path| match found(method, path) {
            Some(Ok(Endpoint::Job(errand))) => Some((errand.id, errand.wish)),
            _ => None,
        };
        let of = |wish| Some(("video_a".to_owned(), wish));
        assert_eq!(wish("GET", "/v1/videos/video_a"), of(Wish::Look));
        assert_eq!(wish("DELETE", "/videos/video_a"), of(Wish::Delete));
        assert_eq!(wish("GET", "/v1/videos/video_a/content"), of(Wish::Fetch(None)));
        assert_eq!(
            wish("GET", "/v1/videos/video_a/content?x=1&variant=thumbnail"),
            of(Wish::Fetch(Some("thumbnail")))
        );
        assert!(matches!(found("POST", "/v1/videos"), Some(Ok(Endpoint::Generate(_)))));
        assert!(found("POST", "/v1/videos/video_a/other").is_none());
        assert!(found("GET", "/v1/videosx").is_none() && found("GET", "/v1/videos/").is_none());
    }

    #[test]
    fn one_range_is_one_and_any_other_is_none() {
        let range = |value: &'static str, more: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in [("range", value)].iter().chain(more) {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            range(&headers).is_some()
        };
        for one in ["bytes=0-", "bytes=0-499", "bytes=-5", "bytes=9-9"] {
            assert!(range(one, &[]), "{one}");
            assert!(!range(one, &[("if-range", "\"abc\"")]), "{one}");
        }
        for other in
            ["bytes=-", "bytes=0-1,4-5", "items=0-1", "bytes=a-b", "bytes=", "bytes 0-1", "bytes=0-1 "]
        {
            assert!(!range(other, &[]), "{other}");
        }
    }

    #[test]
    fn what_there_is_not_is_refused() {
        let kind = |method, path| found(method, path).unwrap().unwrap_err().kind;
        assert_eq!(kind("GET", "/v1/videos"), Kind::Refused);
        assert_eq!(kind("POST", "/v1/videos/video_a/remix"), Kind::Refused);
        assert_eq!(kind("GET", "/v1/videos/video_a/content?variant=gif"), Kind::Refused);
        assert_eq!(kind("PUT", "/v1/videos"), Kind::MethodNotAllowed("POST"));
        assert_eq!(kind("POST", "/v1/videos/video_a"), Kind::MethodNotAllowed("GET, DELETE"));
        assert_eq!(kind("POST", "/v1/videos/video_a/content"), Kind::MethodNotAllowed("GET"));
    }
}
