//! What happens meanwhile, in three sequences that know nothing of each other.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::dice::Dice;
use super::gateway::Gateway;
use super::proxy::{Proxy, Weather};
use crate::harness::Postgres;
use crate::harness::postgres::Stop;

/// How often what happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Happened {
    /// Gateways that were ended by SIGKILL.
    pub kills: u64,
    /// Gateways that were ended by SIGTERM.
    pub terms: u64,
    /// Postgres was stopped, and came back at once or after seconds.
    pub ledger_stops: u64,
    /// Postgres hung.
    pub ledger_pauses: u64,
    /// The network to Postgres was slow or broke connections off.
    pub ledger_storms: u64,
    /// The network to the provider was.
    pub provider_storms: u64,
}

impl Happened {
    /// Of several sequences.
    #[must_use]
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            kills: self.kills + other.kills,
            terms: self.terms + other.terms,
            ledger_stops: self.ledger_stops + other.ledger_stops,
            ledger_pauses: self.ledger_pauses + other.ledger_pauses,
            ledger_storms: self.ledger_storms + other.ledger_storms,
            provider_storms: self.provider_storms + other.provider_storms,
        }
    }
}

/// Ends gateways and starts them again, until the time is over. All run at the end.
pub(super) async fn to_gateways(
    seed: u64,
    until: Instant,
    gateways: &mut [Gateway],
    say: &(impl Fn(String) + Sync),
) -> anyhow::Result<Happened> {
    let (mut dice, mut happened) = (Dice::new(seed, "gateways", 0), Happened::default());
    loop {
        let pause = dice.milliseconds(200, 2_500);
        if Instant::now() + pause >= until {
            return Ok(happened);
        }
        sleep(pause).await;
        for gateway in &mut *gateways {
            gateway.runs()?;
        }
        let (first, kill, down) = (dice.roll(gateways.len()), dice.percent(75), dice.milliseconds(0, 1_000));
        let also = dice.percent(20).then(|| (first + 1) % gateways.len()).filter(|also| *also != first);
        for place in std::iter::once(first).chain(also) {
            let Some(gateway) = gateways.get_mut(place) else { continue };
            if kill {
                say(format!("gateway {place}: SIGKILL"));
                happened.kills += 1;
                gateway.kill().await?;
            } else {
                say(format!("gateway {place}: SIGTERM"));
                happened.terms += 1;
                gateway.terminate().await?;
            }
        }
        sleep(down).await;
        for place in std::iter::once(first).chain(also) {
            let Some(gateway) = gateways.get_mut(place) else { continue };
            gateway.start().await?;
        }
    }
}

/// Stops, hangs and slows Postgres, until the time is over. It is well at the end.
pub(super) async fn to_ledger(
    seed: u64,
    until: Instant,
    postgres: &mut Postgres,
    network: &Proxy,
    say: &(impl Fn(String) + Sync),
) -> anyhow::Result<Happened> {
    let (mut dice, mut happened) = (Dice::new(seed, "ledger", 0), Happened::default());
    loop {
        let pause = dice.milliseconds(1_000, 6_000);
        if Instant::now() + pause >= until {
            return Ok(happened);
        }
        sleep(pause).await;
        let how = [Stop::Fast, Stop::Immediate][dice.roll(2)];
        let (long, short) = (dice.milliseconds(1_500, 6_000), dice.milliseconds(500, 4_000));
        match dice.roll(6) {
            0 => {
                say(format!("Postgres: restart, {how:?}"));
                happened.ledger_stops += 1;
                postgres.restart(how).await?;
            }
            1 => {
                say(format!("Postgres: stopped for {long:?}, {how:?}"));
                happened.ledger_stops += 1;
                postgres.stop(how).await?;
                sleep(long).await;
                postgres.start_again().await?;
            }
            2 => {
                say(format!("Postgres: hangs for {short:?}"));
                happened.ledger_pauses += 1;
                postgres.pause()?;
                sleep(short).await;
                postgres.resume()?;
            }
            3 => {
                let weather = Weather { delay: dice.milliseconds(5, 80), cut_within: None };
                say(format!("Postgres: {weather:?} for {short:?}"));
                happened.ledger_storms += 1;
                for_a_while(network, weather, short).await;
            }
            _ => {
                let most = [300, 3_000, 30_000][dice.roll(3)];
                let weather = Weather { delay: dice.milliseconds(0, 3), cut_within: Some(most) };
                say(format!("Postgres: {weather:?} for {short:?}"));
                happened.ledger_storms += 1;
                for_a_while(network, weather, short).await;
            }
        }
    }
}

/// Slows and cuts the network to the provider, until the time is over. It is well at the end.
pub(super) async fn to_provider(
    seed: u64,
    until: Instant,
    network: &Proxy,
    say: &(impl Fn(String) + Sync),
) -> anyhow::Result<Happened> {
    let (mut dice, mut happened) = (Dice::new(seed, "provider", 0), Happened::default());
    loop {
        let pause = dice.milliseconds(500, 5_000);
        if Instant::now() + pause >= until {
            return Ok(happened);
        }
        sleep(pause).await;
        let (length, most) = (dice.milliseconds(500, 4_000), [400, 2_000, 9_000][dice.roll(3)]);
        let weather = if dice.percent(35) {
            Weather { delay: dice.milliseconds(5, 100), cut_within: None }
        } else {
            Weather { delay: dice.milliseconds(0, 5), cut_within: Some(most) }
        };
        say(format!("provider: {weather:?} for {length:?}"));
        happened.provider_storms += 1;
        for_a_while(network, weather, length).await;
    }
}

async fn for_a_while(network: &Proxy, weather: Weather, length: Duration) {
    network.set(weather);
    sleep(length).await;
    network.set(Weather::default());
}
