//! Records Events: what a person should see in `kubectl describe`.

use aigne_hub_crds::{distribution::MANAGER, v1alpha1::API_VERSION};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    runtime::events::{Event, EventType, Recorder, Reporter},
};

use super::says;
use crate::plan::{Note, Report};

/// The API server takes no longer note, in bytes.
const LONGEST_NOTE: usize = 1024;

/// Records Events. The same one again within minutes becomes a count.
#[derive(Clone)]
pub struct Events(Recorder);

impl Events {
    /// In the name of this process.
    pub fn new(client: Client, identity: &str) -> Self {
        let reporter = Reporter { controller: MANAGER.to_owned(), instance: Some(identity.to_owned()) };
        Self(Recorder::new(client, reporter))
    }

    /// Records what a report has to say. An Event that cannot be recorded is not worth a second try.
    pub async fn record(&self, report: &Report) {
        for note in &report.events {
            if let Err(error) = self.0.publish(&event(note), &about(report)).await {
                tracing::debug!(object = %report.object, error = says(&error), "an Event could not be recorded");
            }
        }
    }
}

fn event(note: &Note) -> Event {
    Event {
        type_: if note.warning { EventType::Warning } else { EventType::Normal },
        reason: note.reason.clone(),
        note: Some(bounded(&note.message)),
        action: "Reconcile".to_owned(),
        secondary: None,
    }
}

fn bounded(text: &str) -> String {
    text[..text.floor_char_boundary(LONGEST_NOTE)].to_owned()
}

fn about(report: &Report) -> ObjectReference {
    ObjectReference {
        api_version: Some(API_VERSION.to_owned()),
        kind: Some(super::status::kind(&report.status).to_owned()),
        name: Some(report.object.name.clone()),
        namespace: Some(report.object.namespace.clone()),
        uid: Some(report.uid.clone()),
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_cut_between_characters() {
        let note = Note { warning: true, reason: "Invalid".into(), message: "é".repeat(600) };
        let event = event(&note);
        assert_eq!(event.note.map(|note| note.len()), Some(1024));
        assert_eq!(bounded("short"), "short");
    }
}
