use http::Method;
use http_body_util::Full;
use serde::Deserialize;

use super::*;
use crate::upstream::sign::Shown;

/// What botocore's signer made of each, with the key below, in `eu-central-1`, for `bedrock`, at [`AT_MS`].
const VECTORS: &str = include_str!("vectors.json");
/// 2026-11-28T18:30:05Z
const AT_MS: i64 = 1_795_890_605_000;
const ID: &str = "AKIDEXAMPLE";
const KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

#[derive(Deserialize)]
struct Vector {
    host: String,
    path: String,
    body: String,
    token: Option<String>,
    authorization: String,
    date: String,
}

fn request(host: &str, path: &str, body: &Bytes) -> Request<Full<Bytes>> {
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "signed by nobody")
        .body(Full::new(body.clone()))
        .unwrap()
}

fn secret(text: &str) -> SecretValue {
    SecretValue::new(text.to_owned())
}

/// What is shown of what a Secret holds.
fn shown(value: &str) -> Result<Request<Full<Bytes>>, BadCredential> {
    let signer = Signer::fixed("eu-central-1", Identity::read(&secret(value))?);
    let body = Bytes::from_static(b"{}");
    let mut request = request("h", "/model/m/converse", &body);
    Shown::Aws(signer).show(&mut request, || body.clone(), AT_MS).unwrap();
    Ok(request)
}

#[test]
fn requests_are_signed_as_botocore_signs_them() {
    let vectors: Vec<Vector> = serde_json::from_str(VECTORS).unwrap();
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let token = vector.token.as_deref().map(secret);
        let identity = Identity::keys(ID, &secret(KEY), token.as_ref(), None);
        let body = Bytes::from(vector.body);
        let mut request = request(&vector.host, &vector.path, &body);
        Signer::fixed("eu-central-1", identity).sign(&mut request, &body, AT_MS).unwrap();
        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("authorization"), Some(vector.authorization), "{}", vector.path);
        assert_eq!(header("x-amz-date"), Some(vector.date));
        assert_eq!(header("x-amz-security-token"), vector.token);
        assert_eq!(request.uri(), vector.path.as_str());
    }
}

#[test]
fn a_secret_is_read_in_each_of_its_forms() {
    let session = r#"{"accessKeyId": "AKIDEXAMPLE", "secretAccessKey": "s/e+c", "sessionToken": "t=="}"#;
    let file = "# laptop\n[other]\naws_access_key_id = NOTME\naws_secret_access_key = x\n\n[default]\naws_access_key_id = AKIDEXAMPLE\n\
                aws_secret_access_key = s/e+c\naws_session_token = t==\n";
    let exported = "export AWS_ACCESS_KEY_ID=\"AKIDEXAMPLE\"\nexport AWS_SECRET_ACCESS_KEY=\"s/e+c\"\nexport AWS_SESSION_TOKEN=\"t==\"";
    let signed =
        |value: &str| shown(value).unwrap().headers()[header::AUTHORIZATION].to_str().unwrap().to_owned();
    let expected = signed(session);
    assert!(
        expected.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261128/eu-central-1/bedrock/"),
        "{expected}"
    );
    for same in [file, exported] {
        assert_eq!(signed(same), expected);
        assert_eq!(shown(same).unwrap().headers()["x-amz-security-token"], "t==");
    }
    let bare = shown(r#"{"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":""}"#).unwrap();
    assert!(!bare.headers().contains_key("x-amz-security-token"));
    let key = shown("ABSKQmVkcm9jaw==\n").unwrap();
    assert_eq!(key.headers()[header::AUTHORIZATION], "Bearer ABSKQmVkcm9jaw==");
    assert!(!key.headers().contains_key("x-amz-date"));
}

#[test]
fn what_is_no_credential_says_why_and_nothing_else() {
    for (value, error) in [
        (r#"{"accessKeyId":"s3cr3t"}"#, BadCredential::NotJson),
        (r#"{"accessKeyId":"s3cr3t","#, BadCredential::NotJson),
        ("[default]\naws_access_key_id = s3cr3t\n", BadCredential::Missing("aws_secret_access_key")),
        ("[s3cr3t]\n", BadCredential::Missing("aws_access_key_id")),
        ("s3cr3t key", BadCredential::NotAKey),
        ("", BadCredential::NotAKey),
    ] {
        let found = shown(value).unwrap_err();
        assert!(!format!("{found} {found:?}").contains("s3cr3t"));
        assert_eq!(found, error);
    }
}

#[test]
fn nothing_of_it_is_printed_and_the_signature_is_sensitive() {
    for value in [r#"{"accessKeyId":"A","secretAccessKey":"s3cr3t","sessionToken":"s3cr3t"}"#, "s3cr3t"] {
        let signer = Signer::fixed("eu-central-1", Identity::read(&secret(value)).unwrap());
        assert!(!format!("{signer:?}").contains("s3cr3t"));
        let request = shown(value).unwrap();
        assert!(!format!("{request:?}").contains("s3cr3t"), "{request:?}");
    }
}

#[tokio::test]
async fn the_pods_own_api_key_goes_to_aws_alone() {
    let environment = crate::environment::Environment::fixed([("AWS_BEARER_TOKEN_BEDROCK", "key")]);
    let workload = Arc::new(Workload::new(&environment, crate::clock::Clock::default()));
    let signer = Signer::of_pod("eu-central-1", &workload);
    workload.follow().await;
    let body = Bytes::new();
    let sign = |host| {
        let mut request = request(host, "/model/m/converse", &body);
        signer.sign(&mut request, &body, AT_MS).map(|()| request.headers()[header::AUTHORIZATION].clone())
    };
    assert_eq!(sign("bedrock-runtime.eu-central-1.amazonaws.com").unwrap(), "Bearer key");
    for other in ["example.com", "amazonaws.com.example.com", "127.0.0.1:8080"] {
        assert_eq!(sign(other), Err(NotShown::NotToAws), "{other}");
    }
}

#[test]
fn a_request_without_a_host_is_not_signed() {
    let signer = Signer::fixed("eu-central-1", Identity::keys(ID, &secret(KEY), None, None));
    let mut request = Request::post("/").body(()).unwrap();
    assert!(matches!(signer.sign(&mut request, &Bytes::new(), AT_MS), Err(NotShown::Unsigned(_))));
}

#[test]
fn what_has_ended_signs_nothing() {
    let ends = SystemTime::UNIX_EPOCH + Duration::from_millis(AT_MS.unsigned_abs());
    let identity = Identity::keys(ID, &secret(KEY), None, Some(ends));
    let signer = Signer::fixed("eu-central-1", identity);
    let body = Bytes::new();
    let mut request = request("h", "/", &body);
    assert_eq!(signer.sign(&mut request, &body, AT_MS), Err(NotShown::NoIdentity));
    signer.sign(&mut request, &body, AT_MS - 1).unwrap();
}
