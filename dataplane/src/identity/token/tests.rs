use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::identity::testing::{AUDIENCE, ISSUER, NOW_MS, Signer, claims, verifier};

fn with(path: &str, value: Value) -> Value {
    let mut claims = claims();
    *claims.pointer_mut(path).unwrap() = value;
    claims
}

#[test]
fn a_token_of_each_kind_of_key_names_its_service_account() {
    let (rsa, p256) = (Signer::rsa("r"), Signer::p256("e"));
    let verifier = verifier(&[&rsa, &p256]);
    for signer in [&rsa, &p256] {
        let token = signer.token(&claims());
        assert!(looks_like_token(token.as_bytes()));
        let workload = verifier.verify(token.as_bytes(), NOW_MS).unwrap();
        assert_eq!((workload.id().as_str(), workload.expires_at), ("team/app", 1_757_003_637_000));
        let one = signer.token(&with("/aud", json!(AUDIENCE)));
        assert!(verifier.verify(one.as_bytes(), NOW_MS).is_ok());
    }
}

#[test]
fn what_a_token_says_must_hold() {
    let signer = Signer::p256("e");
    let verifier = verifier(&[&signer]);
    let (issuer, audience) = (Refused::Issuer(ISSUER.into()), Refused::Audience(AUDIENCE.into()));
    for (path, value, refused) in [
        ("/iss", json!("https://elsewhere"), issuer),
        ("/aud", json!(["https://kubernetes.default.svc"]), audience.clone()),
        ("/aud", json!([]), audience.clone()),
        ("/aud", json!("hub.aigne.io.evil"), audience),
        ("/exp", json!(1_757_000_070), Refused::Expired),
        ("/exp", json!(-1), Refused::Expired),
        ("/nbf", json!(1_757_000_131), Refused::Early),
        ("/sub", json!("system:serviceaccount:team:other"), Refused::Subject),
        ("/sub", json!("system:node:team:app"), Refused::Subject),
        ("/kubernetes.io/namespace", json!("other"), Refused::Subject),
        ("/kubernetes.io/serviceaccount/name", json!("other"), Refused::Subject),
        ("/kubernetes.io", json!({}), Refused::Malformed),
        ("/exp", json!("never"), Refused::Malformed),
    ] {
        let token = signer.token(&with(path, value.clone()));
        assert_eq!(verifier.verify(token.as_bytes(), NOW_MS), Err(refused), "{path}: {value}");
    }
}

#[test]
fn clocks_may_differ_a_little() {
    let signer = Signer::p256("e");
    let verifier = verifier(&[&signer]);
    let verify = |path, value: i64| {
        verifier.verify(signer.token(&with(path, json!(value))).as_bytes(), NOW_MS).map(drop)
    };
    assert_eq!(verify("/exp", 1_757_000_071), Ok(()));
    assert_eq!(verify("/nbf", 1_757_000_130), Ok(()));
}

#[test]
fn the_key_decides_how_a_signature_is_checked() {
    let (rsa, p256, stranger) = (Signer::rsa("r"), Signer::p256("e"), Signer::p256("e"));
    let verifier = verifier(&[&rsa, &p256]);
    for (header, refused) in [
        (json!({"alg": "none", "kid": "e"}), Refused::Algorithm("ES256")),
        (json!({"alg": "HS256", "kid": "e"}), Refused::Algorithm("ES256")),
        (json!({"alg": "RS256", "kid": "e"}), Refused::Algorithm("ES256")),
        (json!({"alg": "ES256", "kid": "r"}), Refused::Algorithm("RS256")),
        (json!({"alg": "RS256", "kid": "r"}), Refused::Signature),
        (json!({"alg": "ES256", "kid": "x"}), Refused::UnknownKey),
        (json!({"alg": "ES256"}), Refused::UnknownKey),
        (json!({"alg": "ES256", "kid": "e", "crit": ["b64"]}), Refused::Malformed),
    ] {
        let token = p256.token_with(&header, &claims());
        assert_eq!(verifier.verify(token.as_bytes(), NOW_MS), Err(refused), "{header}");
    }
    let forged = stranger.token(&claims());
    assert_eq!(verifier.verify(forged.as_bytes(), NOW_MS), Err(Refused::Signature));
    let unsigned = p256.token(&claims());
    let unsigned = unsigned.rsplit_once('.').unwrap().0.to_owned() + ".";
    assert_eq!(verifier.verify(unsigned.as_bytes(), NOW_MS), Err(Refused::Signature));
}

#[test]
fn long_tokens_are_not_looked_at() {
    let signer = Signer::p256("e");
    let mut claims = claims();
    claims["x"] = json!("x".repeat(LONGEST));
    let token = signer.token(&claims);
    assert_eq!(verifier(&[&signer]).verify(token.as_bytes(), NOW_MS), Err(Refused::TooLong));
}

#[test]
fn keys_of_the_hub_are_no_tokens() {
    for text in ["hub-eyJ.a.b", "eyJhbGci", "eyJ.a", "eyJ.a.b.c", "eyJ a.b.c", "", "eyJ.a.b="] {
        assert!(!looks_like_token(text.as_bytes()), "{text}");
    }
}

proptest! {
    #[test]
    fn no_changed_token_is_accepted(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let signer = Signer::p256("e");
        let verifier = verifier(&[&signer]);
        let mut token = signer.token(&claims()).into_bytes();
        let place = place.index(token.len());
        prop_assume!(token[place] != byte);
        token[place] = byte;
        prop_assert!(verifier.verify(&token, NOW_MS).is_err());
    }

    #[test]
    fn it_is_total(token in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(verifier(&[&Signer::p256("e")]).verify(&token, NOW_MS).is_err());
    }
}
