//! Jobs that outlive their request: their ids, and what is asked of them later. None of it is metered: the request that
//! made a job has paid for it.

use bytes::Bytes;
use http::{Method, Uri, header, response};
use http_body::Body as _;

use super::{
    attempt::{ask, relay, whole},
    media::Unfit,
    reading::Patience,
    send,
};
use crate::{
    body::{self, Body, Edit},
    error::{GatewayError, Kind},
    gateway::{
        authenticate::Principal,
        exchange::Exchange,
        ingress::{Errand, Wish},
        respond::{Answer, Plain, Pump, Stream},
    },
    json,
    ledger::{Nanos, accounts::refunds::Owed},
    media::{
        Request,
        video::{self, State},
    },
    provider::endpoints::jobs::{Jobs, Polled, jobs},
    secret::job::Job,
    snapshot::{Credential, Provider, Served, Snapshot},
    wire::{Meta, openai_media},
};
use std::sync::Arc;

/// How often a provider may point on to another place of its own.
const MOST_HOPS: usize = 3;

/// A job that a provider has taken.
pub(super) struct Made {
    body: Body,
    /// The provider's id.
    upstream: String,
    seconds: u64,
    size: Option<String>,
}

/// The job that an answer tells of, where one was asked for.
pub(super) fn made(request: &Request, answer: &Plain) -> Result<Option<Made>, Unfit> {
    let Request::Video(asked) = request else { return Ok(None) };
    let unreadable = |reason: String| Unfit::Unreadable(reason, answer.status);
    let body = body::scan(answer.body.clone()).map_err(|error| unreadable(error.to_string()))?;
    match body.get::<String>("id").filter(|id| !id.is_empty()) {
        Some(upstream) => Ok(Some(Made { body, upstream, seconds: asked.seconds, size: asked.size.clone() })),
        None => Err(unreadable("it names no job".to_owned())),
    }
}

impl Made {
    /// The answer with the hub's id in place of the provider's.
    pub(super) fn sealed(
        &self,
        served: &Served,
        credential: &Credential,
        charged: Nanos,
        exchange: &Exchange,
    ) -> Option<Bytes> {
        let tenant = exchange.tenant.as_ref()?;
        let job = Job {
            model: served.model().config.name.clone(),
            upstream: self.upstream.clone(),
            request_id: exchange.id,
            tenant: tenant.id.to_string(),
            account: tenant.account.to_string(),
            charged: charged.0,
            seconds: self.seconds,
            size: self.size.clone(),
        };
        let id = credential.jobs.as_ref()?.seal(&job)?;
        Some(body::apply(&self.body, &[Edit::Set("id", json::quoted(&id))]))
    }
}

/// Does what is wanted of a job.
pub(in crate::gateway) async fn serve(
    exchange: &mut Exchange,
    snapshot: &Snapshot,
    principal: &Principal,
    errand: &Errand,
) -> Result<Answer, GatewayError> {
    let found = find(snapshot, &errand.id).filter(|(.., job)| *job.tenant == *principal.tenant.id);
    let Some((provider, credential, job)) = found else { return Err(unknown()) };
    exchange.operation = crate::wire::Operation::Videos;
    exchange.provider = Some(Arc::clone(provider));
    exchange.model = Some(job.model.as_str().into());
    let way = jobs(provider.config.r#type).ok_or_else(unknown)?;
    let path = way.path(&job.upstream, &provider.config.base_url).ok_or_else(unknown)?;
    let asking = Asking { provider, credential, exchange, id: &errand.id, job: &job, path };
    match way {
        Jobs::Relayed => asking.relayed(errand.wish).await,
        Jobs::Translated(polled) => asking.translated(polled, errand.wish).await,
    }
}

/// The credential by which an id can be read is the one that made it.
fn find<'a>(snapshot: &'a Snapshot, id: &str) -> Option<(&'a Arc<Provider>, &'a Credential, Job)> {
    let mut last = None;
    // The listing has each provider once for each of its models.
    let providers = snapshot.listing().iter().map(|served| &served.provider).filter(|provider| {
        let again = last == Some(Arc::as_ptr(provider));
        last = Some(Arc::as_ptr(provider));
        !again
    });
    let credentials = providers.flat_map(|provider| {
        provider.credentials.iter().chain(&provider.resting).map(move |one| (provider, one))
    });
    let mut opened =
        credentials.filter_map(|(provider, one)| Some((provider, one, one.jobs.as_ref()?.open(id)?)));
    opened.next()
}

/// Also said of another tenant's: nobody learns that there is one.
fn unknown() -> GatewayError {
    let message = "there is no such video (an id is this hub's own, and cannot be read any more once the provider's \
                   credential was replaced)";
    GatewayError::new(Kind::UnknownVideo, message).with_param("id")
}

/// One errand.
struct Asking<'a> {
    provider: &'a Provider,
    credential: &'a Credential,
    exchange: &'a Exchange,
    /// As the client has it.
    id: &'a str,
    job: &'a Job,
    /// Where the job is looked at.
    path: String,
}

impl Asking<'_> {
    async fn relayed(self, wish: Wish) -> Result<Answer, GatewayError> {
        let method = match wish {
            Wish::Fetch(variant) => {
                let query = variant.map(|variant| format!("?variant={variant}")).unwrap_or_default();
                let target = self.provider.endpoint.target(&format!("{}/content{query}", self.path));
                return self.fetch(target).await;
            }
            Wish::Look => Method::GET,
            Wish::Delete => Method::DELETE,
        };
        let told = self.ask(method).await?;
        let body = body::scan(told.body).map_err(|error| self.unreadable(&error.to_string()))?;
        if body.get::<String>("status").as_deref() == Some("failed") {
            self.give_back().await?;
        }
        let body = body::apply(&body, &[Edit::Set("id", json::quoted(self.id))]);
        Ok(Answer::Plain(Plain { body, ..told }))
    }

    async fn translated(self, polled: &dyn Polled, wish: Wish) -> Result<Answer, GatewayError> {
        let variant = match wish {
            Wish::Delete => {
                let message = "Gemini deletes videos by itself, and has no way to ask for it";
                return Err(GatewayError::new(Kind::Refused, message));
            }
            Wish::Fetch(variant) => Some(variant.unwrap_or("video")),
            Wish::Look => None,
        };
        if variant.is_some_and(|variant| variant != "video") {
            let message = "Gemini has the video itself alone";
            return Err(GatewayError::new(Kind::Refused, message).with_param("variant"));
        }
        let told = self.ask(Method::GET).await?;
        let (state, place) = polled.read(&told.body).map_err(|error| self.unreadable(&error.to_string()))?;
        if matches!(state, State::Failed { .. }) {
            self.give_back().await?;
        }
        if variant.is_none() {
            let body = openai_media::encode_job(&self.described(state), &self.meta()).into();
            return Ok(Answer::Plain(Plain { headers: http::HeaderMap::new(), body, ..told }));
        }
        let Some(place) = place else {
            let message = "there is no video to fetch: GET the job itself to learn how far it is";
            return Err(GatewayError::new(Kind::Refused, message));
        };
        let target = self.own(&place)?;
        self.fetch(target).await
    }

    /// What was paid for a job that failed. Nobody is told that it failed before that is in the ledger, so whoever waits
    /// for it asks again until it is.
    async fn give_back(&self) -> Result<(), GatewayError> {
        let Job { account, request_id, charged: amount, .. } = self.job.clone();
        if amount <= 0 {
            return Ok(());
        }
        let refunds = self.exchange.core.shared.refunds.clone();
        refunds.give_back(Owed { account, request_id, amount }).await.map_err(|_| {
            let message = "what this job cost cannot be given back at the moment; try again shortly";
            let error = GatewayError::new(Kind::LedgerUnavailable, message);
            GatewayError { retry_after_ms: Some(1_000), ..error }
        })
    }

    async fn ask(&self, method: Method) -> Result<Plain, GatewayError> {
        let target = self.provider.endpoint.target(&self.path);
        relay(self.provider, self.request(method, &target)?, self.exchange).await
    }

    fn request(
        &self,
        method: Method,
        target: &Uri,
    ) -> Result<http::Request<crate::upstream::Outgoing>, GatewayError> {
        let now_ms = self.exchange.core.shared.clock.now_ms();
        send::without_body(self.provider, self.credential, method, target, now_ms)
    }

    /// Gives the bytes on as they come.
    async fn fetch(&self, mut target: Uri) -> Result<Answer, GatewayError> {
        let patience = Patience::new(self.provider.config.timeouts, true);
        for _ in 0..MOST_HOPS {
            let request = self.request(Method::GET, &target)?;
            let answer = ask(self.provider, request, self.exchange, &patience).await?;
            let status = answer.response.status();
            if status.is_redirection() {
                target = self.onward(answer.response.headers())?;
                continue;
            }
            if !status.is_success() {
                whole(self.provider, answer, self.exchange, &patience).await?;
                return Err(self.unreadable("it is an error that is none"));
            }
            let crate::upstream::Answer { response, connection } = answer;
            let (response::Parts { status, headers, .. }, upstream) = response.into_parts();
            return Ok(Answer::Stream(Box::new(Stream {
                status,
                headers,
                pump: Pump::bytes(upstream.size_hint().exact()),
                upstream,
                connection: Some(connection),
                attempt: None,
                first_byte_ms: self.exchange.elapsed_ms(),
                idle: patience.idle,
                deadline: patience.last,
                finish: false,
                held: None,
            })));
        }
        Err(self.unreadable("it points on and on"))
    }

    fn onward(&self, headers: &http::HeaderMap) -> Result<Uri, GatewayError> {
        let place = headers.get(header::LOCATION).and_then(|place| place.to_str().ok());
        self.own(place.unwrap_or_default())
    }

    /// The credential is shown to the provider's own host alone.
    fn own(&self, place: &str) -> Result<Uri, GatewayError> {
        let own = self.provider.endpoint.own(place);
        own.ok_or_else(|| self.unreadable("the video lies at another host than the provider's baseURL"))
    }

    fn described(&self, state: State) -> video::Job {
        let Job { seconds, size, .. } = self.job;
        video::Job { id: self.id.to_owned(), seconds: *seconds, size: size.clone(), state }
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
