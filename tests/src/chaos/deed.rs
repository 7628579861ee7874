//! What a client does, drawn in advance; the request itself scripts what the provider does.

use std::time::Duration;

use serde_json::{Value, json};

use super::dice::Dice;

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Deed {
    /// Names it: in the prompt for the provider, as the user for the ledger.
    pub(super) marker: String,
    /// Whose key.
    pub(super) tenant: usize,
    /// Where.
    pub(super) path: &'static str,
    /// What.
    pub(super) body: Value,
    /// Which gateway.
    pub(super) gateway: usize,
    /// The client leaves at this byte of the request or of the answer.
    pub(super) leaves: Option<Leave>,
    /// Before it.
    pub(super) pause: Duration,
}

/// Where a client leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leave {
    /// Bytes of the request that are sent; the rest is not.
    pub(crate) sent: usize,
    /// Bytes of the answer that are read; what follows is not.
    pub(crate) read: usize,
    /// With RST instead of FIN.
    pub(crate) reset: bool,
}

/// The most that a client waits between two requests.
pub(super) const LONGEST_PAUSE: u64 = 60;

/// A client's sequence; it never ends.
#[derive(Clone, Debug)]
pub(super) struct Deeds {
    dice: Dice,
    client: usize,
    tenants: usize,
    gateways: usize,
    count: usize,
}

impl Deeds {
    /// Of the client with this number.
    pub(super) fn new(seed: u64, client: usize, tenants: usize, gateways: usize) -> Self {
        Self { dice: Dice::new(seed, "client", client), client, tenants, gateways, count: 0 }
    }
}

impl Iterator for Deeds {
    type Item = Deed;

    fn next(&mut self) -> Option<Deed> {
        let dice = &mut self.dice;
        let marker = format!("m{}-{}", self.client, self.count);
        self.count += 1;
        let anthropic = dice.percent(50);
        let model =
            dice.pick(&["gpt", "gpt", "mini", "far-gpt", "sonnet", "sonnet", "haiku", "far-sonnet"])?;
        let stream = dice.percent(65);
        let chunks = 1 + dice.roll(40);
        let limit = 8 + dice.roll(56);
        let filler = "lorem ipsum ".repeat(dice.roll(40));
        let directives =
            format!("marker={marker} chunks={chunks} reused={} {}", dice.roll(30), trouble(dice));
        let text = format!("{filler}[[{directives}]]");
        let mut body = json!({"model": model, "max_tokens": limit, "stream": stream,
            "messages": [{"role": "user", "content": text}]});
        if !anthropic && ["gpt", "mini", "far-gpt"].contains(&model) && dice.percent(6) {
            body["n"] = json!(2);
        }
        let leaves = dice.percent(14).then(|| Leave {
            sent: if dice.percent(15) { dice.roll(700) } else { usize::MAX },
            read: {
                let most = dice.pick(&[600, 6_000]).unwrap_or_default();
                dice.roll(most)
            },
            reset: dice.percent(50),
        });
        Some(Deed {
            marker,
            // Half of the requests want what an eighth of the tenants have: their caps are reached.
            tenant: if dice.percent(50) {
                dice.roll(self.tenants.div_ceil(8))
            } else {
                dice.roll(self.tenants)
            },
            path: if anthropic { "/v1/messages" } else { "/v1/chat/completions" },
            body,
            gateway: dice.roll(self.gateways),
            leaves,
            pause: dice.milliseconds(0, LONGEST_PAUSE),
        })
    }
}

/// How the provider misbehaves, for all attempts or for the first.
fn trouble(dice: &mut Dice) -> String {
    let after = dice.roll(12);
    let pace = dice.roll(12);
    let whole = match dice.roll(40) {
        0 => "status=500".to_owned(),
        1 => "1:status=500".to_owned(),
        2 => "1:status=503".to_owned(),
        3 => "status=429 retry_after=0".to_owned(),
        4 => "1:status=429 1:retry_after=0".to_owned(),
        5 => "status=400".to_owned(),
        6 => format!("cut_after={after}"),
        7 => format!("1:cut_after={}", after / 6),
        8 => format!("reset_after={after}"),
        9 => format!("1:reset_after={}", after / 6),
        10 => format!("error_after={after}"),
        11 => format!("unterminated_after={after}"),
        12 => "usage=none".to_owned(),
        13 => format!("1:before={}", 100 + dice.roll(300)),
        14 if dice.percent(15) => format!("stall_after={after}"),
        15 if dice.percent(15) => "before=2500".to_owned(),
        16..=18 => format!("split={}", 1 + dice.roll(50)),
        _ => String::new(),
    };
    if dice.percent(40) { format!("pace={pace} {whole}") } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_script_is_the_same_each_time_and_has_everything_in_it() {
        let deeds = |seed| Deeds::new(seed, 3, 10, 3).take(2_000).collect::<Vec<_>>();
        let (one, two) = (deeds(1), deeds(1));
        assert!(one.iter().zip(&two).all(|(a, b)| format!("{a:?}") == format!("{b:?}")));
        assert_ne!(format!("{:?}", deeds(2).first()), format!("{:?}", one.first()));
        let text = format!("{one:?}");
        for part in
            ["1:status=503", "reset_after", "usage=none", "stall_after", "before=2500", "split=", "pace="]
        {
            assert!(text.contains(part), "{part}");
        }
        assert!(one.iter().any(|deed| deed.leaves.is_some_and(|leave| leave.sent < 700)));
    }
}
