use std::{fs, sync::Mutex};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::any,
};

use super::*;
use crate::upstream::Signer;

/// Answers one after the other, the last for ever; keeps what it was asked.
#[derive(Clone, Default)]
struct Scripted {
    answers: Arc<Mutex<Vec<(u16, String)>>>,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

async fn answer(State(scripted): State<Scripted>, headers: HeaderMap, body: String) -> (StatusCode, String) {
    let authorization = headers.get("authorization").map_or("", |value| value.to_str().unwrap());
    scripted.asked.lock().unwrap().push((authorization.to_owned(), body));
    let mut answers = scripted.answers.lock().unwrap();
    let (status, text) = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
    (StatusCode::from_u16(status).unwrap(), text)
}

async fn serve(answers: &[(u16, &str)]) -> (String, Scripted) {
    let scripted = Scripted::default();
    *scripted.answers.lock().unwrap() =
        answers.iter().map(|(status, text)| (*status, (*text).to_owned())).collect();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let app = Router::new().fallback(any(answer)).with_state(scripted.clone());
    tokio::spawn(async { axum::serve(listener, app).await });
    (address, scripted)
}

const ASSUMED: &str = r#"<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
  <SubjectFromWebIdentityToken>system:serviceaccount:ai:hub</SubjectFromWebIdentityToken>
  <Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s/1+</SecretAccessKey><SessionToken>t1==</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"#;

const REFUSED: &str = r"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>";

/// The id of the access key in use.
fn id(workload: &Workload) -> Option<String> {
    match &*workload.current()? {
        Identity::Keys(keys) => Some(keys.access_key_id().to_owned()),
        Identity::ApiKey(..) => Some("api key".to_owned()),
    }
}

async fn eventually(mut holds: impl FnMut() -> bool) {
    let until = tokio::time::Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(tokio::time::Instant::now() < until, "never");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn sts_gives_a_role_for_the_token_that_is_there_now() {
    let (sts, scripted) = serve(&[(403, REFUSED), (200, ASSUMED)]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, "header.one+/.sig\n").unwrap();
    let environment = Environment::fixed([
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/hub"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", path.to_str().unwrap()),
        ("AWS_ENDPOINT_URL_STS", &sts),
    ]);
    let source = Source::of(&environment).unwrap();
    let fetcher = fetch::Fetcher::new().unwrap();
    let error = fetcher.fetch(&source).await.unwrap_err().to_string();
    assert!(
        error.ends_with("status 403: Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        "{error}"
    );
    fs::write(&path, "header.two.sig\n").unwrap();
    let identity = fetcher.fetch(&source).await.unwrap();
    let Identity::Keys(keys) = &identity else { panic!("no keys") };
    assert_eq!((keys.access_key_id(), keys.session_token()), ("ASIA1", Some("t1==")));
    assert!(identity.ends().is_some());
    let asked: Vec<String> = scripted.asked.lock().unwrap().iter().map(|(_, body)| body.clone()).collect();
    assert_eq!(
        asked[0],
        "Action=AssumeRoleWithWebIdentity&Version=2011%2D06%2D15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fhub\
         &RoleSessionName=aigne%2Dhub&WebIdentityToken=header%2Eone%2B%2F%2Esig"
    );
    assert!(asked[1].ends_with("WebIdentityToken=header%2Etwo%2Esig"));
}

#[tokio::test]
async fn nothing_is_asked_before_it_is_wanted_and_then_the_agent_is() {
    let (agent, scripted) = serve(&[(
        200,
        r#"{"AccessKeyId":"ASIA2","SecretAccessKey":"s","Token":"t","Expiration":"2999-01-01T00:00:00Z"}"#,
    )])
    .await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, "pod-token\n").unwrap();
    let environment = Environment::fixed([
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path.to_str().unwrap()),
    ]);
    let workload = Arc::new(Workload::new(&environment, Clock::default()));
    tokio::spawn(Arc::clone(&workload).follow());
    tokio::task::yield_now().await;
    assert_eq!((id(&workload), scripted.asked.lock().unwrap().len()), (None, 0));

    let signer = Signer::of_pod("eu-central-1", &workload);
    eventually(|| id(&workload).is_some()).await;
    assert_eq!(id(&workload).as_deref(), Some("ASIA2"));
    assert_eq!(scripted.asked.lock().unwrap()[0].0, "pod-token");
    let shown = crate::upstream::Shown::Aws(signer);
    let mut request = http::Request::post("/model/m/converse").header("host", "h").body(()).unwrap();
    shown.show(&mut request, bytes::Bytes::new, Clock::default().now_ms()).unwrap();
    assert_eq!(request.headers()["x-amz-security-token"], "t");
}

#[test]
fn an_identity_is_replaced_ahead_of_its_end() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_hours(1000);
    let until = |left: Duration| until_next(now + left, now);
    assert_eq!(until(Duration::from_hours(1)), Duration::from_mins(50));
    assert_eq!(until(Duration::from_mins(15)), Duration::from_secs(450));
    assert_eq!(until(Duration::from_secs(2)), LEAST);
    assert_eq!(until_next(now, now + Duration::from_mins(1)), LEAST);
}

#[test]
fn the_environment_says_who_the_pod_is() {
    let of = |variables: &[(&str, &str)]| {
        Source::of(&Environment::fixed(variables.iter().copied())).map(|source| source.to_string())
    };
    let irsa = [("AWS_ROLE_ARN", "arn"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_REGION", "eu-west-1")];
    assert_eq!(of(&irsa), Ok("arn by https://sts.eu-west-1.amazonaws.com".to_owned()));
    assert_eq!(of(&irsa[..2]), Ok("arn by https://sts.amazonaws.com".to_owned()));
    assert_eq!(of(&irsa[1..]), Err(NoSource::Half("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN")));
    assert_eq!(
        of(&[("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "s")]),
        Ok("AWS_ACCESS_KEY_ID".to_owned())
    );
    assert_eq!(
        of(&[("AWS_ACCESS_KEY_ID", "A")]),
        Err(NoSource::Half("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    );
    assert_eq!(of(&[]), Err(NoSource::Nothing));
    let agent = |address: &'static str| of(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", address)]).is_ok();
    for fine in [
        "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1/credentials",
        "https://example.com/",
        "http://127.0.0.1:1/",
    ] {
        assert!(agent(fine), "{fine}");
    }
    for strange in ["http://example.com/", "http://169.254.169.254/latest", "nonsense"] {
        assert!(!agent(strange), "{strange}");
    }
    let fixed =
        Source::of(&Environment::fixed([("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "s3cr3t")]));
    assert!(!format!("{fixed:?}").contains("s3cr3t"));
}
