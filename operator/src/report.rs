//! From what is known of an object to its conditions, and to what people should hear of at once.

use aigne_hub_crds::{
    compile::{Finding, Severity},
    distribution::{COMPONENT_LABEL, GATEWAY_COMPONENT},
    v1alpha1::conditions::{ACCEPTED, PROGRAMMED, READY, RESOLVED_REFS, SUSPENDED, reasons},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::{gateways::Confirmation, plan::Note};

/// A message is cut here: it is read in a terminal.
const LONGEST_MESSAGE: usize = 1024;

/// What conditions are made of.
pub(crate) struct Known<'a> {
    /// Of the object.
    pub(crate) generation: Option<i64>,
    /// What compile found.
    pub(crate) findings: &'a [&'a Finding],
    /// What gateways say; `None` where the object is not part of the configuration.
    pub(crate) confirmation: Option<Confirmation>,
    /// As they are now.
    pub(crate) former: &'a [Condition],
    /// The time.
    pub(crate) now: Timestamp,
}

/// Accepted, `ResolvedRefs`, Programmed, Ready, in this order.
pub(crate) fn conditions(known: &Known<'_>) -> Vec<Condition> {
    let accepted = of_findings(known, ACCEPTED, reasons::ACCEPTED, "the spec makes sense");
    let resolved =
        of_findings(known, RESOLVED_REFS, reasons::RESOLVED_REFS, "everything that it refers to was found");
    let programmed = programmed(known);
    let ready = [&accepted, &resolved, &programmed]
        .into_iter()
        .find(|condition| condition.status != "True")
        .map_or_else(
            || condition(known, READY, true, reasons::READY, "gateways serve it as it is written".to_owned()),
            |because| condition(known, READY, false, &because.reason, because.message.clone()),
        );
    vec![accepted, resolved, programmed, ready]
}

/// Whether the tenant's requests are refused because its spec says so.
pub(crate) fn suspended(known: &Known<'_>, suspended: bool) -> Condition {
    if suspended {
        condition(
            known,
            SUSPENDED,
            true,
            reasons::SUSPENDED,
            "spec.suspended: every request is refused".to_owned(),
        )
    } else {
        condition(known, SUSPENDED, false, reasons::ACTIVE, "requests are served".to_owned())
    }
}

/// What changed in a way that people should hear of: it became ready, or there is another reason why not.
pub(crate) fn notes(former: &[Condition], now: &[Condition]) -> Vec<Note> {
    let find = |conditions: &[Condition]| {
        conditions
            .iter()
            .find(|condition| condition.type_ == READY)
            .map(|ready| (ready.status == "True", ready.reason.clone()))
    };
    let Some(ready) = now.iter().find(|condition| condition.type_ == READY) else { return Vec::new() };
    let waiting = [reasons::PENDING, reasons::NO_GATEWAYS].contains(&ready.reason.as_str());
    if find(former) == find(now) || waiting {
        return Vec::new();
    }
    vec![Note {
        warning: ready.status != "True",
        reason: ready.reason.clone(),
        message: ready.message.clone(),
    }]
}

fn of_findings(known: &Known<'_>, r#type: &str, good: &str, says: &str) -> Condition {
    let of_type = |severity| {
        let findings = known.findings.iter().filter(move |finding| finding.severity == severity);
        findings.filter(|finding| finding.condition == r#type).collect::<Vec<_>>()
    };
    let (errors, warnings) = (of_type(Severity::Error), of_type(Severity::Warning));
    let sentences = |findings: &[&&Finding]| {
        findings.iter().map(|finding| sentence(finding)).collect::<Vec<_>>().join("; ")
    };
    match (&errors[..], &warnings[..]) {
        ([first, ..], _) => condition(known, r#type, false, &first.reason, sentences(&errors)),
        ([], []) => condition(known, r#type, true, good, says.to_owned()),
        // True, with a reason that makes a person look.
        ([], [first, ..]) => {
            condition(known, r#type, true, &first.reason, format!("{says}, but {}", sentences(&warnings)))
        }
    }
}

fn sentence(finding: &Finding) -> String {
    if finding.field.is_empty() {
        finding.message.clone()
    } else {
        format!("{}: {}", finding.field, finding.message)
    }
}

/// Once True it stays for that generation: gateways that come and go must not make it flap.
fn programmed(known: &Known<'_>) -> Condition {
    let stays = known.former.iter().any(|former| {
        former.type_ == PROGRAMMED
            && former.status == "True"
            && former.observed_generation == known.generation
    });
    let not_yet = |reason, message: String| condition(known, PROGRAMMED, false, reason, message);
    match &known.confirmation {
        None => not_yet(reasons::LEFT_OUT, "it is not part of the configuration".to_owned()),
        Some(Confirmation::Former) => {
            not_yet(reasons::LEFT_OUT, "gateways go on with what it said before".to_owned())
        }
        Some(Confirmation::Confirmed) => programmed_by_all(known),
        Some(_) if stays => programmed_by_all(known),
        Some(Confirmation::Nobody) => not_yet(reasons::NO_GATEWAYS, "no gateway is running".to_owned()),
        Some(Confirmation::Waiting) => {
            // The same words until it is done: a status is not sent again for each gateway.
            let lag = format!(
                "not every gateway serves it yet: kubectl get leases -l {COMPONENT_LABEL}={GATEWAY_COMPONENT}"
            );
            not_yet(reasons::PENDING, lag)
        }
        Some(Confirmation::Refused(why)) => not_yet(reasons::REFUSED, why.clone()),
    }
}

fn programmed_by_all(known: &Known<'_>) -> Condition {
    condition(known, PROGRAMMED, true, reasons::PROGRAMMED, "every gateway serves it".to_owned())
}

/// A condition as of now; it stands since it last changed its status.
pub(crate) fn condition(
    known: &Known<'_>,
    r#type: &str,
    holds: bool,
    reason: &str,
    mut message: String,
) -> Condition {
    let status = if holds { "True" } else { "False" };
    let former = known.former.iter().find(|former| former.type_ == r#type && former.status == status);
    let now = Timestamp::from_second(known.now.as_second()).unwrap_or(known.now);
    if message.len() > LONGEST_MESSAGE {
        message.truncate(message.floor_char_boundary(LONGEST_MESSAGE));
        message.push('…');
    }
    Condition {
        last_transition_time: former.map_or(Time(now), |former| former.last_transition_time.clone()),
        message,
        observed_generation: known.generation,
        reason: reason.to_owned(),
        status: status.to_owned(),
        type_: r#type.to_owned(),
    }
}
