//! What others ask of a load over HTTP.

use http::{Method, StatusCode};
use tokio::net::TcpListener;

use super::plan::Plan;
use super::work::Load;
use crate::web::{self, Question, Reply};

/// Serves until it is dropped: `GET /report`, `GET /got` (a line of JSON for each request that has ended), `POST /start` (with
/// members of the plan that are to be others, as JSON), `POST /stop`, `GET /healthz`.
pub async fn serve(listener: TcpListener, load: Load, plan: Plan) {
    web::serve(listener, None, move |question| answer(question, load.clone(), plan.clone())).await;
}

async fn answer(question: Question, load: Load, plan: Plan) -> Reply {
    match (&question.method, question.path.as_str()) {
        (&Method::GET, "/healthz") => Reply::text(StatusCode::OK, "ok\n"),
        (&Method::GET, "/report") => Reply::json(&load.report()),
        (&Method::GET, "/got") => {
            let lines =
                load.got().iter().filter_map(|got| serde_json::to_string(got).ok()).collect::<Vec<_>>();
            Reply::text(StatusCode::OK, lines.join("\n"))
        }
        (&Method::POST, "/start") => {
            let plan = match plan.with(&question.body) {
                Ok(plan) => plan,
                Err(error) => return Reply::text(StatusCode::BAD_REQUEST, format!("{error}\n")),
            };
            match load.start(plan).await {
                Ok(()) => Reply::json(&load.report()),
                Err(error) => Reply::text(StatusCode::CONFLICT, format!("{error:#}\n")),
            }
        }
        (&Method::POST, "/stop") => {
            load.stop();
            Reply::json(&load.report())
        }
        _ => Reply::unknown(),
    }
}
