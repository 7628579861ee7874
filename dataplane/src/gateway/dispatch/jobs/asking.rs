//! What is asked of a provider about one of its jobs.

use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, response};
use http_body::Body as _;

use crate::{
    body::{self, Body, Edit},
    error::{GatewayError, Kind},
    gateway::{
        dispatch::{
            attempt::{ask, relay, whole},
            reading::Patience,
            send,
        },
        exchange::Exchange,
        ingress::{Errand, Wish},
        respond::{Answer, Plain, Pump, Stream},
    },
    json,
    ledger::accounts::refunds::Owed,
    media::video::{self, State},
    percore::Core,
    provider::endpoints::jobs::{Jobs, jobs},
    secret::job::Job,
    snapshot::{Credential, Provider},
    upstream::{self, Endpoint, Outgoing},
    wire::{Meta, openai_media},
};

/// How often a provider may point on to another place of its own.
const MOST_HOPS: usize = 3;

/// One job, and where it is asked about.
pub(super) struct Asking<'a> {
    core: &'a Core,
    provider: &'a Provider,
    credential: &'a Credential,
    /// As the client has it.
    id: &'a str,
    job: &'a Job,
    way: Jobs,
    /// Where the job is looked at.
    path: String,
}

/// What a look has shown.
pub(super) struct Looked {
    pub(super) state: State,
    told: Plain,
    /// The provider's own words, where it speaks `OpenAI`'s.
    body: Option<Body>,
    /// Where the video is, where that is not known before.
    place: Option<String>,
}

/// Where something can be fetched.
enum Place {
    /// At the provider's own host.
    Own(Uri),
    /// Where the provider keeps it, which is no business of its credential.
    Storage(Box<Endpoint>, Uri),
}

impl<'a> Asking<'a> {
    /// None where the provider has no jobs of such an id.
    pub(super) fn new(
        core: &'a Core,
        provider: &'a Provider,
        credential: &'a Credential,
        id: &'a str,
        job: &'a Job,
    ) -> Option<Self> {
        let way = jobs(provider.config.r#type)?;
        let path = way.path(&job.upstream, &provider.config.base_url)?;
        Some(Self { core, provider, credential, id, job, way, path })
    }

    /// Does what a client wants.
    pub(super) async fn serve(self, errand: &Errand, exchange: &Exchange) -> Result<Answer, GatewayError> {
        match errand.wish {
            Wish::Look => {
                let looked = self.look().await?;
                self.settle(&looked.state).await?;
                Ok(Answer::Plain(self.described(looked)))
            }
            Wish::Delete => self.delete().await,
            Wish::Fetch(variant) => {
                let place = self.place(variant).await?;
                self.fetch(place, errand.range.as_ref(), exchange).await
            }
        }
    }

    /// How far it is.
    pub(super) async fn look(&self) -> Result<Looked, GatewayError> {
        let told = self.ask(Method::GET).await?;
        match self.way {
            Jobs::Relayed => {
                let body =
                    body::scan(told.body.clone()).map_err(|error| self.unreadable(&error.to_string()))?;
                let state = match body.get::<String>("status").as_deref() {
                    Some("completed") => State::Completed,
                    Some("failed") => State::Failed { code: String::new(), message: String::new() },
                    Some("queued") => State::Queued,
                    _ => State::InProgress,
                };
                Ok(Looked { state, told, body: Some(body), place: None })
            }
            Jobs::Translated(polled) => {
                let read = polled.read(&told.body);
                let (state, place) = read.map_err(|error| self.unreadable(&error.to_string()))?;
                Ok(Looked { state, told, body: None, place })
            }
        }
    }

    /// What an end means for what was paid. Nobody is told that a job failed before that is in the ledger, so whoever waits
    /// for it asks again until it is.
    async fn settle(&self, state: &State) -> Result<(), GatewayError> {
        let Job { account, request_id, charged: amount, .. } = self.job.clone();
        let refunds = &self.core.shared.jobs.refunds;
        match state {
            _ if amount <= 0 => Ok(()),
            State::Queued | State::InProgress | State::Expired => Ok(()),
            State::Completed => {
                refunds.let_go(request_id);
                Ok(())
            }
            State::Failed { .. } => {
                let given = refunds.give_back(Owed { account, request_id, amount }).await;
                given.map_err(|_| {
                    let message = "what this job cost cannot be given back at the moment; try again shortly";
                    let error = GatewayError::new(Kind::LedgerUnavailable, message);
                    GatewayError { retry_after_ms: Some(1_000), ..error }
                })
            }
        }
    }

    fn described(&self, looked: Looked) -> Plain {
        let Looked { state, told, body, .. } = looked;
        if let Some(body) = body {
            return Plain { body: self.renamed(&body), ..told };
        }
        let Job { seconds, size, .. } = self.job;
        let job = video::Job { id: self.id.to_owned(), seconds: *seconds, size: size.clone(), state };
        Plain { headers: HeaderMap::new(), body: openai_media::encode_job(&job, &self.meta()).into(), ..told }
    }

    /// The provider's words with the hub's id.
    fn renamed(&self, body: &Body) -> bytes::Bytes {
        body::apply(body, &[Edit::Set("id", json::quoted(self.id))])
    }

    /// Whoever deletes it before it has ended wants it no more: it stays charged.
    async fn delete(&self) -> Result<Answer, GatewayError> {
        if let Jobs::Translated(polled) = self.way {
            let whose = polled.whose();
            let message = format!("{whose} deletes videos by itself, and there is no way to ask for it here");
            return Err(GatewayError::new(Kind::Refused, message));
        }
        // One that failed may be deleted by who never looked at it: its money is not lost with it.
        if self.job.charged > 0 {
            let looked = self.look().await?;
            self.settle(&looked.state).await?;
        }
        let told = self.ask(Method::DELETE).await?;
        if self.job.charged > 0 {
            self.core.shared.jobs.refunds.let_go(self.job.request_id);
        }
        let body = body::scan(told.body.clone()).map_err(|error| self.unreadable(&error.to_string()))?;
        Ok(Answer::Plain(Plain { body: self.renamed(&body), ..told }))
    }

    /// Where what it has made can be fetched.
    async fn place(&self, variant: Option<&str>) -> Result<Place, GatewayError> {
        let Jobs::Translated(polled) = self.way else {
            let query = variant.map(|variant| format!("?variant={variant}")).unwrap_or_default();
            return Ok(Place::Own(self.provider.endpoint.target(&format!("{}/content{query}", self.path))));
        };
        if variant.is_some_and(|variant| variant != "video") {
            let message = format!("{} has the video itself alone", polled.whose());
            return Err(GatewayError::new(Kind::Refused, message).with_param("variant"));
        }
        let looked = self.look().await?;
        self.settle(&looked.state).await?;
        let message = "there is no video to fetch: GET the job itself to learn how far it is";
        let place = looked.place.ok_or_else(|| GatewayError::new(Kind::Refused, message))?;
        self.found(&place)
    }

    async fn ask(&self, method: Method) -> Result<Plain, GatewayError> {
        let target = self.provider.endpoint.target(&self.path);
        relay(self.provider, self.request(method, &target)?, &self.core.pool).await
    }

    fn request(&self, method: Method, target: &Uri) -> Result<http::Request<Outgoing>, GatewayError> {
        let now_ms = self.core.shared.clock.now_ms();
        send::without_body(self.provider, self.credential, method, target, now_ms)
    }

    /// Gives the bytes on as they come: all, or the range that is asked for.
    async fn fetch(
        &self,
        mut place: Place,
        range: Option<&HeaderValue>,
        exchange: &Exchange,
    ) -> Result<Answer, GatewayError> {
        let patience = Patience::new(self.provider.config.timeouts, true);
        let pool = &self.core.pool;
        for _ in 0..MOST_HOPS {
            let (at, mut request) = match &place {
                Place::Own(target) => (&self.provider.endpoint, self.request(Method::GET, target)?),
                Place::Storage(at, target) => (&**at, send::for_storage(at, target)),
            };
            if let Some(range) = range {
                request.headers_mut().insert(header::RANGE, range.clone());
            }
            let answer = ask(self.provider, at, request, pool, &patience).await?;
            let status = answer.response.status();
            if status.is_redirection() {
                place = self.onward(&place, answer.response.headers())?;
                continue;
            }
            if status == StatusCode::RANGE_NOT_SATISFIABLE && range.is_some() {
                return Err(no_such_range(answer.response.headers()));
            }
            if !status.is_success() {
                whole(self.provider, answer, pool, &patience).await?;
                return Err(self.unreadable("it is an error that is none"));
            }
            let upstream::Answer { response, connection } = answer;
            let (response::Parts { status, headers, .. }, upstream) = response.into_parts();
            return Ok(Answer::Stream(Box::new(Stream {
                status,
                headers,
                pump: Pump::bytes(upstream.size_hint().exact()),
                upstream,
                connection: Some(connection),
                attempt: None,
                first_byte_ms: exchange.elapsed_ms(),
                idle: patience.idle,
                deadline: patience.last,
                finish: false,
                held: None,
            })));
        }
        Err(self.unreadable("it points on and on"))
    }

    fn onward(&self, from: &Place, headers: &HeaderMap) -> Result<Place, GatewayError> {
        let place = headers.get(header::LOCATION).and_then(|place| place.to_str().ok()).unwrap_or_default();
        let Place::Storage(at, _) = from else { return self.found(place) };
        // Whoever keeps things does not choose what the provider is asked.
        let there = at.own(place).map(|target| Place::Storage(at.clone(), target));
        there.or_else(|| self.stored(place)).ok_or_else(|| self.strange())
    }

    /// The credential is shown to the provider's own host alone.
    fn found(&self, place: &str) -> Result<Place, GatewayError> {
        let own = self.provider.endpoint.own(place).map(Place::Own);
        own.or_else(|| self.stored(place)).ok_or_else(|| self.strange())
    }

    fn stored(&self, place: &str) -> Option<Place> {
        let Jobs::Translated(polled) = self.way else { return None };
        let (at, target) = self.provider.endpoint.elsewhere(place, polled.storage())?;
        Some(Place::Storage(Box::new(at), target))
    }

    fn strange(&self) -> GatewayError {
        self.unreadable("the video lies at another host than the provider's baseURL")
    }

    fn meta(&self) -> Meta {
        // A UUIDv7 tells when it was made.
        let created = self.job.request_id.get_timestamp().map_or(0, |made| made.to_unix().0);
        Meta {
            model: self.job.model.clone(),
            id: String::new(),
            created: i64::try_from(created).unwrap_or_default(),
            include_usage: true,
        }
    }

    fn unreadable(&self, reason: &str) -> GatewayError {
        let message =
            format!("provider {:?} did not answer as it should: {reason}", self.provider.config.name);
        GatewayError::new(Kind::UpstreamFailed, message)
    }
}

/// The provider says how long the whole is: `bytes */LENGTH`.
fn no_such_range(headers: &HeaderMap) -> GatewayError {
    let said = headers.get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let length = said.and_then(|said| said.strip_prefix("bytes */")?.parse().ok());
    GatewayError::new(Kind::NoSuchRange(length), "the video has no such range of bytes")
}
