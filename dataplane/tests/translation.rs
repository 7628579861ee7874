//! Every client wire against every provider: requests there, answers back. Golden files hold what comes out.

#[cfg(test)]
mod translation {
    mod answers;
    mod properties;
    mod relayed;
    mod requests;
    mod round_trip;
    mod rules;
    mod support;
}
