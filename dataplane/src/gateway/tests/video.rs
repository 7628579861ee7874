//! Videos: jobs are made and paid for once, found again by whoever made them, fetched, and given back where they fail.

use std::{io::Write as _, net::TcpStream};

use aigne_hub_crds::config::{self, ModelType, ProviderType};
use rust_decimal::Decimal;

use super::media::{form, model, typed};
use crate::{
    gateway::testing::{ERROR, Rig, Setup, Upstream, answer, plain},
    jobs::Seen,
    ledger::{Nanos, Status},
    usage::Source,
};

/// Ten cents a second.
fn video(setup: &mut Setup) {
    model(ModelType::Video)(setup);
    setup.prices = Some(config::Amounts { second: Some(Decimal::new(1, 1)), ..config::Amounts::default() });
}

const ASKED: &str = r#"{"model":"m","prompt":"a cat","seconds":"8","size":"1280x720"}"#;
const QUEUED: &str = r#"{"id":"video_up/1","object":"video","status":"queued","model":"upstream-m","progress":0,"seconds":"8","error":null}"#;

/// The hub's id in an answer.
fn id(answer: &str) -> String {
    let from = answer.find(r#""id":"video_"#).unwrap_or_else(|| panic!("no id: {answer}")) + 6;
    answer[from..].split('"').next().unwrap().to_owned()
}

/// One that has a job, whose state it tells so.
fn openai(state: &'static str) -> impl Fn(usize, &str, &mut TcpStream) -> bool {
    move |_, request, stream| match request.split(' ').take(2).collect::<Vec<_>>().as_slice() {
        ["POST", "/videos"] => plain(stream, 200, QUEUED),
        ["GET", "/videos/video_up%2F1"] => {
            let told = QUEUED.replace("queued", state).replace("error\":null", "error\":{\"code\":\"x\"}");
            plain(stream, 200, &told)
        }
        ["GET", "/videos/video_up%2F1/content"] => typed(stream, "video/mp4", "ftyp-video"),
        ["GET", "/videos/video_up%2F1/content?variant=thumbnail"] => typed(stream, "image/webp", "RIFF"),
        ["DELETE", "/videos/video_up%2F1"] => {
            plain(stream, 200, r#"{"id":"video_up/1","object":"video.deleted","deleted":true}"#)
        }
        _ => plain(stream, 404, ERROR),
    }
}

#[test]
fn a_job_is_paid_for_once_however_often_it_is_looked_at() {
    let upstream = Upstream::start(openai("completed"));
    let mut rig = Rig::start(ProviderType::OpenAI, &upstream, video);
    let made = answer(rig.post("/v1/videos", ASKED));
    let id = id(&made);
    assert!(made.starts_with("HTTP/1.1 200") && !made.contains("video_up"), "{made}");
    for _ in 0..3 {
        let told = answer(rig.bodiless("GET", &format!("/v1/videos/{id}")));
        assert!(told.contains(r#""status":"completed""#) && told.contains(&id), "{told}");
        assert!(!told.contains("video_up"), "{told}");
    }
    let fetched = answer(rig.bodiless("GET", &format!("/v1/videos/{id}/content")));
    assert!(fetched.contains("content-type: video/mp4\r\n") && fetched.contains("content-length: 10\r\n"));
    assert!(fetched.ends_with("\r\n\r\nftyp-video") && !fetched.contains("set-cookie"), "{fetched}");
    let fetched = answer(rig.bodiless("GET", &format!("/v1/videos/{id}/content?variant=thumbnail")));
    assert!(fetched.contains("content-type: image/webp\r\n") && fetched.ends_with("RIFF"), "{fetched}");
    let gone = answer(rig.bodiless("DELETE", &format!("/v1/videos/{id}")));
    assert!(gone.contains(r#""deleted":true"#) && gone.contains(&id), "{gone}");
    let requests = upstream.requests();
    assert!(
        requests[0].ends_with(r#"{"model":"upstream-m","prompt":"a cat","seconds":"8","size":"1280x720"}"#)
    );
    assert!(requests.iter().all(|request| request.contains("authorization: Bearer sk-")), "{requests:?}");
    rig.drain();
    let outcomes = rig.outcomes(1);
    assert_eq!(outcomes.len(), 1, "{outcomes:?}");
    let outcome = &outcomes[0];
    assert_eq!(
        (outcome.status, outcome.source, outcome.usage.millis),
        (Status::Completed, Source::Provider, 8_000)
    );
    assert_eq!(outcome.charge.price, Nanos(800_000_000));
    assert_eq!(rig.refunded(), []);
}

#[test]
fn seconds_that_nobody_says_are_said_and_what_the_answer_says_counts() {
    let upstream = Upstream::start(|_, request, stream| {
        assert!(
            request.contains("\"seconds\":\"4\"") || request.contains("name=\"seconds\"\r\n\r\n4\r\n"),
            "{request}"
        );
        plain(stream, 200, &QUEUED.replace("\"8\"", "\"5\""))
    });
    let mut rig = Rig::start(ProviderType::OpenAICompatible, &upstream, video);
    id(&answer(rig.post("/v1/videos", r#"{"model":"m","prompt":"a cat"}"#)));
    let file = ("name=\"input_reference\"; filename=\"a.png\"", "some picture");
    id(&form(&rig, "/v1/videos", &[("name=model", "m"), ("name=prompt", "a cat"), file]));
    let request = &upstream.requests()[1];
    assert!(
        request.contains("filename=\"a.png\"") && request.contains("\r\n\r\nsome picture\r\n--"),
        "{request}"
    );
    rig.drain();
    let millis: Vec<_> = rig.outcomes(2).iter().map(|outcome| outcome.usage.millis).collect();
    assert_eq!(millis, [5_000, 5_000]);
}

#[test]
fn every_gateway_knows_a_job_but_no_other_tenant_does() {
    let upstream = Upstream::start(openai("in_progress"));
    let mut first = Rig::start(ProviderType::OpenAI, &upstream, video);
    let id = id(&answer(first.post("/v1/videos", ASKED)));
    first.drain();
    let asked = upstream.requests().len();
    let look = |change: fn(&mut Setup)| {
        let rig = Rig::start(ProviderType::OpenAI, &upstream, |setup| {
            video(setup);
            change(setup);
        });
        let wishes = [("GET", ""), ("GET", "/content"), ("DELETE", "")];
        wishes.map(|(method, part)| answer(rig.bodiless(method, &format!("/v1/videos/{id}{part}"))))
    };
    let [told, ..] = look(|_| {});
    assert!(told.contains(r#""status":"in_progress""#) && told.contains(&id), "{told}");
    // Who deletes has it looked at before: what failed is given back.
    let asked = asked + 4;
    assert_eq!(upstream.requests().len(), asked);
    for refused in [
        look(|setup| setup.tenant.id = "team/other".into()),
        look(|setup| setup.provider.credentials[0].name = "rotated".into()),
        look(|setup| setup.provider.id = "ai/other".into()),
    ] {
        for refused in refused {
            assert!(refused.starts_with("HTTP/1.1 404"), "{refused}");
            assert!(
                refused.contains(r#""code":"unknown_video""#) && refused.contains("replaced"),
                "{refused}"
            );
        }
    }
    assert_eq!(upstream.requests().len(), asked, "nothing was sent for strangers");
}

#[test]
fn a_credential_that_rests_still_fetches_what_it_made() {
    let upstream = Upstream::start(openai("completed"));
    let first = Rig::start(ProviderType::OpenAI, &upstream, video);
    let id = id(&answer(first.post("/v1/videos", ASKED)));
    let second = Rig::start(ProviderType::OpenAI, &upstream, |setup| {
        video(setup);
        let old = &mut setup.provider.credentials[0];
        let new = config::Credential { name: "new".into(), ..old.clone() };
        old.weight = 0;
        old.secret.name = "resting".into();
        setup.provider.credentials.push(new);
    });
    assert!(answer(second.bodiless("GET", &format!("/v1/videos/{id}"))).contains("completed"));
    answer(second.post("/v1/videos", ASKED));
    let requests = upstream.requests();
    assert!(requests[2].contains("Bearer sk-new"), "{}", requests[2]);
}

#[test]
fn a_job_that_failed_is_given_back_before_anybody_is_told() {
    let upstream = Upstream::start(openai("failed"));
    let mut rig = Rig::start(ProviderType::OpenAI, &upstream, video);
    let id = id(&answer(rig.post("/v1/videos", ASKED)));
    assert_eq!(rig.refunded(), []);
    let told = answer(rig.bodiless("GET", &format!("/v1/videos/{id}")));
    assert!(told.starts_with("HTTP/1.1 200") && told.contains(r#""status":"failed""#), "{told}");
    rig.drain();
    let [owed] = rig.refunded().try_into().unwrap();
    let outcomes = rig.outcomes(1);
    assert_eq!((owed.request_id, owed.amount), (outcomes[0].request_id, outcomes[0].charge.price.0));
    assert_eq!((owed.account.as_str(), owed.amount), ("team/acme", 800_000_000));
    // The ledger learns with the charge which job to look at.
    assert_eq!(outcomes[0].job.as_deref(), Some(&*id));
}

#[test]
fn who_deletes_a_job_that_failed_gets_its_price_back() {
    let upstream = Upstream::start(openai("failed"));
    let rig = Rig::start(ProviderType::OpenAI, &upstream, video);
    let id = id(&answer(rig.post("/v1/videos", ASKED)));
    let gone = answer(rig.bodiless("DELETE", &format!("/v1/videos/{id}")));
    assert!(gone.contains(r#""deleted":true"#), "{gone}");
    assert_eq!(rig.refunded().len(), 1);
}

#[test]
fn a_job_that_nobody_asks_for_is_looked_at_as_for_a_client() {
    for (state, seen) in
        [("failed", Seen::Failed), ("completed", Seen::Completed), ("in_progress", Seen::Nothing)]
    {
        let upstream = Upstream::start(openai(state));
        let rig = Rig::start(ProviderType::OpenAI, &upstream, video);
        let id = id(&answer(rig.post("/v1/videos", ASKED)));
        assert_eq!(rig.look(&id), seen);
        assert_eq!(rig.refunded(), [], "that is for who asked");
        assert_eq!(rig.look("video_AAAA"), Seen::Nothing);
    }
    let upstream = Upstream::start(|number, _, stream| match number {
        0 => plain(stream, 200, QUEUED),
        _ => plain(stream, 503, ERROR),
    });
    let rig = Rig::start(ProviderType::OpenAI, &upstream, video);
    let id = id(&answer(rig.post("/v1/videos", ASKED)));
    assert_eq!(rig.look(&id), Seen::Nothing);
}

#[test]
fn a_job_without_a_price_is_nobodys_errand() {
    let upstream = Upstream::start(openai("failed"));
    let mut rig = Rig::start(ProviderType::OpenAI, &upstream, model(ModelType::Video));
    let id = id(&answer(rig.post("/v1/videos", ASKED)));
    assert!(answer(rig.bodiless("GET", &format!("/v1/videos/{id}"))).contains("failed"));
    rig.drain();
    assert_eq!((rig.outcomes(1)[0].job.as_deref(), rig.refunded().len()), (None, 0));
}

#[test]
fn a_job_that_was_not_taken_costs_nothing() {
    let upstream = Upstream::start(|number, _, stream| match number {
        0 => plain(stream, 400, ERROR),
        _ => plain(stream, 200, r#"{"object":"video","status":"queued"}"#),
    });
    let mut rig = Rig::start(ProviderType::OpenAI, &upstream, |setup| {
        video(setup);
        setup.provider.retry.attempts = 1;
    });
    assert!(answer(rig.post("/v1/videos", ASKED)).starts_with("HTTP/1.1 400"));
    assert!(answer(rig.post("/v1/videos", ASKED)).starts_with("HTTP/1.1 502"), "an answer without an id");
    rig.drain();
    let prices: Vec<_> = rig.outcomes(2).iter().map(|outcome| outcome.charge.price).collect();
    assert_eq!(prices, [Nanos(0), Nanos(0)]);
}

#[test]
fn what_there_is_not_is_refused_before_anything_is_sent() {
    let upstream = Upstream::start(openai("completed"));
    let rig = Rig::start(ProviderType::OpenAI, &upstream, video);
    let list = answer(rig.bodiless("GET", "/v1/videos"));
    assert!(list.starts_with("HTTP/1.1 400") && list.contains("keeps no list"), "{list}");
    let remix = answer(rig.post("/v1/videos/video_x/remix", r#"{"prompt":"a dog"}"#));
    assert!(remix.starts_with("HTTP/1.1 400") && remix.contains("remixed"), "{remix}");
    let odd = answer(rig.bodiless("GET", "/v1/videos/video_AAAA"));
    assert!(odd.starts_with("HTTP/1.1 404"), "{odd}");
    for (field, value) in [("image_url", "\"https://x/a.png\""), ("n", "4")] {
        let body = format!(r#"{{"model":"m","prompt":"p","{field}":{value}}}"#);
        let refused = answer(rig.post("/v1/videos", &body));
        assert!(refused.starts_with("HTTP/1.1 400") && refused.contains(field), "{refused}");
    }
    let stranger = crate::gateway::testing::request("/v1/videos", "hub-unknown", ASKED);
    let mut client = crate::gateway::testing::connect(rig.address);
    client.write_all(stranger.as_bytes()).unwrap();
    assert!(answer(client).starts_with("HTTP/1.1 401"));
    let other = Rig::start(ProviderType::DeepSeek, &upstream, video);
    let refused = answer(other.post("/v1/videos", ASKED));
    assert!(refused.starts_with("HTTP/1.1 400") && refused.contains("has no videos"), "{refused}");
    let bare = Rig::start(ProviderType::OpenAICompatible, &upstream, |setup| {
        video(setup);
        setup.provider.credentials.clear();
    });
    let refused = answer(bare.post("/v1/videos", ASKED));
    assert!(refused.starts_with("HTTP/1.1 400") && refused.contains("has no credential"), "{refused}");
    assert_eq!(upstream.requests().len(), 0);
}

/// Veo, whose video lies at this address.
fn veo(place: fn(&str) -> String, done: &'static str) -> impl Fn(usize, &str, &mut TcpStream) -> bool {
    move |_, request, stream| {
        let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        match request.split(' ').take(2).collect::<Vec<_>>().as_slice() {
            ["POST", "/v1beta/models/upstream-m:predictLongRunning"] => {
                plain(stream, 200, r#"{"name":"models/upstream-m/operations/op1"}"#)
            }
            ["GET", "/v1beta/models/upstream-m/operations/op1"] => {
                let place = place(host);
                plain(stream, 200, &done.replace("PLACE", &place))
            }
            ["GET", "/v1beta/files/f1:download?alt=media"] => {
                let head = "HTTP/1.1 302 Found\r\nlocation: /download/f1\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(head.as_bytes()).is_ok()
            }
            ["GET", "/download/f1"] => typed(stream, "video/mp4", "ftyp-video"),
            _ => plain(stream, 404, ERROR),
        }
    }
}

const DONE: &str = r#"{"name":"models/upstream-m/operations/op1","done":true,"response":{"generateVideoResponse":{"generatedSamples":[{"video":{"uri":"PLACE"}}]}}}"#;

#[test]
fn veo_is_spoken_to_in_its_own_way() {
    let upstream =
        Upstream::start(veo(|host| format!("http://{host}/v1beta/files/f1:download?alt=media"), DONE));
    let mut rig = Rig::start(ProviderType::Gemini, &upstream, video);
    let made = answer(rig.post("/v1/videos", ASKED));
    assert!(made.contains(r#""status":"queued""#) && made.contains(r#""model":"m""#), "{made}");
    let id = id(&made);
    let told = answer(rig.bodiless("GET", &format!("/v1/videos/{id}")));
    assert!(
        told.contains(r#""status":"completed""#) && told.contains(r#""seconds":"8","size":"1280x720""#),
        "{told}"
    );
    assert!(told.contains(&id) && !told.contains("operations"), "{told}");
    let fetched = answer(rig.bodiless("GET", &format!("/v1/videos/{id}/content")));
    assert!(fetched.starts_with("HTTP/1.1 200") && fetched.ends_with("ftyp-video"), "{fetched}");
    for (method, path) in [("DELETE", ""), ("GET", "/content?variant=thumbnail")] {
        let refused = answer(rig.bodiless(method, &format!("/v1/videos/{id}{path}")));
        assert!(refused.starts_with("HTTP/1.1 400") && refused.contains("Gemini"), "{refused}");
    }
    let requests = upstream.requests();
    assert!(
        requests[0].contains(r#""durationSeconds":8,"aspectRatio":"16:9","resolution":"720p""#),
        "{}",
        requests[0]
    );
    assert!(requests.iter().all(|request| request.contains("x-goog-api-key: sk-")), "{requests:?}");
    rig.drain();
    let outcomes = rig.outcomes(1);
    assert_eq!((outcomes.len(), outcomes[0].usage.millis), (1, 8_000));
    assert_eq!((outcomes[0].charge.price, rig.refunded()), (Nanos(800_000_000), Vec::new()));
}

#[test]
fn a_credential_is_shown_to_no_other_host() {
    let other = Upstream::start(|_, _, stream| typed(stream, "video/mp4", "stolen"));
    let upstream = Upstream::start(veo(|_| "https://storage.example/v".to_owned(), DONE));
    let rig = Rig::start(ProviderType::Gemini, &upstream, video);
    let id = id(&answer(rig.post("/v1/videos", ASKED)));
    let refused = answer(rig.bodiless("GET", &format!("/v1/videos/{id}/content")));
    assert!(refused.starts_with("HTTP/1.1 502") && refused.contains("another host"), "{refused}");
    assert_eq!((upstream.requests().len(), other.requests().len()), (2, 0));
}

#[test]
fn what_veo_kept_back_is_given_back() {
    const KEPT: &str = r#"{"name":"n","done":true,"response":{"generateVideoResponse":{"raiMediaFilteredCount":1,"raiMediaFilteredReasons":["not this"]}}}"#;
    let upstream = Upstream::start(veo(|_| String::new(), KEPT));
    let rig = Rig::start(ProviderType::Gemini, &upstream, video);
    let id = id(&answer(rig.post("/v1/videos", ASKED)));
    let told = answer(rig.bodiless("GET", &format!("/v1/videos/{id}")));
    assert!(told.contains(r#""status":"failed""#) && told.contains("not this"), "{told}");
    let fetched = answer(rig.bodiless("GET", &format!("/v1/videos/{id}/content")));
    assert!(fetched.starts_with("HTTP/1.1 400") && fetched.contains("no video to fetch"), "{fetched}");
    let owed = rig.refunded();
    assert!(owed.len() == 2 && owed[0] == owed[1], "the ledger enters it once: {owed:?}");
}
