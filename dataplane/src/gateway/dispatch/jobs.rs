//! Jobs that outlive their request: their ids, and what is asked of them later. None of it is metered: the request that
//! made a job has paid for it.

mod asking;

use std::sync::Arc;

use bytes::Bytes;

use self::asking::Asking;
use super::media::Unfit;
use crate::{
    body::{self, Body, Edit},
    error::{GatewayError, Kind},
    gateway::{
        authenticate::Principal,
        exchange::Exchange,
        ingress::Errand,
        respond::{Answer, Plain},
    },
    jobs::Seen,
    json,
    ledger::Nanos,
    media::{Request, video::State},
    percore::Core,
    secret::job::Job,
    snapshot::{Credential, Provider, Served, Snapshot},
};

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
    /// Its id, for who is charged so much.
    pub(super) fn seal(
        &self,
        served: &Served,
        credential: &Credential,
        exchange: &Exchange,
        charged: Nanos,
    ) -> Option<String> {
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
        credential.jobs.as_ref()?.seal(&job)
    }

    /// The answer with this id in place of the provider's.
    pub(super) fn answer(&self, id: &str) -> Bytes {
        body::apply(&self.body, &[Edit::Set("id", json::quoted(id))])
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
    let asking = Asking::new(&exchange.core, provider, credential, &errand.id, &job).ok_or_else(unknown)?;
    asking.serve(errand, exchange).await
}

/// Looks at a job that nobody asks for. What is to be done about its end is the caller's business.
pub(in crate::gateway) async fn look(core: &Core, snapshot: &Snapshot, id: &str) -> Seen {
    let Some((provider, credential, job)) = find(snapshot, id) else { return Seen::Nothing };
    let Some(asking) = Asking::new(core, provider, credential, id, &job) else { return Seen::Nothing };
    match asking.look().await.map(|looked| looked.state) {
        Ok(State::Completed) => Seen::Completed,
        Ok(State::Failed { .. }) => Seen::Failed,
        Ok(State::Queued | State::InProgress | State::Expired) => Seen::Nothing,
        Err(error) => {
            tracing::info!(provider = %provider.id, request_id = %job.request_id, %error, "a job cannot be looked at now");
            Seen::Nothing
        }
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
