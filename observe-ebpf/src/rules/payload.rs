//! Rules about the first bytes of what connections and packets carry.

use std::fmt;

use super::{
    credentials, http, miner,
    observation::{Payload, canonical},
    report::{Finding, Subject, Turn},
    request::Request,
    rule::Rule,
};

/// Looks at a payload.
pub(super) fn observe(turn: &mut Turn<'_>, payload: &Payload<'_>) {
    let payload = &Payload {
        source: canonical(payload.source),
        destination: canonical(payload.destination),
        bytes: payload.bytes.get(..MAX_BYTES).unwrap_or(payload.bytes),
        ..*payload
    };
    let request = Request::parse(payload.bytes);
    if let Some(request) = &request {
        http::observe(turn, payload, request);
    }
    let is_local = payload.interface == Some("lo") || payload.destination.ip().is_loopback();
    if !is_local && let Some(kind) = credentials::exposed(payload, request.as_ref()) {
        tell(turn, Rule::PlaintextCredentials, payload, format_args!("{kind}"));
    }
    if let Some(method) = miner::message(payload.bytes) {
        tell(turn, Rule::CryptoMiner, payload, format_args!("message {method} of a mining pool"));
    }
}

/// Tells a finding, unless the other side is on the rule's list.
pub(super) fn tell(turn: &mut Turn<'_>, rule: Rule, payload: &Payload<'_>, evidence: fmt::Arguments<'_>) {
    let source = payload.source.ip();
    let peer = if payload.is_incoming { source } else { payload.destination.ip() };
    if turn.wants(rule, Some(peer), &[]) {
        turn.tell(&Finding {
            rule,
            subject: Subject::Address(source),
            evidence,
            task: None,
            source: Some(source),
            destination: Some(payload.destination),
        });
    }
}

const MAX_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rules::{
        Observation,
        testing::{Bench, payload},
    };

    #[test]
    fn findings_say_who_asked_whom() {
        let mut mapped = payload(80, b"GET /?id=1+or+1=1 HTTP/1.1\r\n");
        mapped.source = "[::ffff:192.0.2.7]:40000".parse().unwrap();
        let found = Bench::new("").see(Observation::Payload(mapped));

        assert_eq!(found[0].source, Some("192.0.2.7".parse().unwrap()));
        assert_eq!(found[0].destination, Some("10.0.0.1:80".parse().unwrap()));
        assert!(found[0].task.is_none());
    }

    #[test]
    fn the_other_side_is_who_may_be_allowed() {
        let mut bench = Bench::new("[plaintext_credentials]\nallow = ['10.0.0.0/8']");
        let bytes = b"PASS hunter2\r\n";

        assert_eq!(bench.see(Observation::Payload(payload(21, bytes))).len(), 1, "it comes from elsewhere");
        let outgoing = Payload { is_incoming: false, ..payload(21, bytes) };
        assert_eq!(bench.see(Observation::Payload(outgoing)), []);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(
            start in "(GET /|POST /|PASS |AUTH |a LOGIN |\\{\"method\"|)",
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            port in any::<u16>(),
        ) {
            let bytes = [start.as_bytes(), &bytes].concat();

            for finding in Bench::new("").see(Observation::Payload(payload(port, &bytes))) {
                prop_assert!(finding.evidence.chars().count() <= 120 && !finding.evidence.chars().any(char::is_control));
            }
        }
    }
}
