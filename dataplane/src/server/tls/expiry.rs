//! Until when a certificate is valid: the only thing that is read in it here.

use jiff::civil;

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Unix seconds after which the certificate (DER, RFC 5280 section 4.1) is no longer valid. None for what is no
/// certificate.
pub(super) fn not_after(certificate: &[u8]) -> Option<i64> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut fields, _) = element(certificate)?;
    if fields.first() == Some(&VERSION) {
        fields = element(fields)?.2;
    }
    // serialNumber, signature, issuer
    for expected in [INTEGER, SEQUENCE, SEQUENCE] {
        let (tag, _, rest) = element(fields)?;
        if tag != expected {
            return None;
        }
        fields = rest;
    }
    let (tag, validity, _) = element(fields)?;
    if tag != SEQUENCE {
        return None;
    }
    let (_, _, validity) = element(validity)?;
    let (tag, time, _) = element(validity)?;
    moment(tag, time)
}

/// An element's tag and content, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, bytes) = bytes.split_first()?;
    let (&first, bytes) = bytes.split_first()?;
    let (length, bytes) = if first < 0x80 {
        (usize::from(first), bytes)
    } else {
        // More than four bytes of length would be more than a certificate has.
        let (length, bytes) =
            bytes.split_at_checked(usize::from(first & 0x7f)).filter(|(l, _)| l.len() <= 4)?;
        (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), bytes)
    };
    let (content, rest) = bytes.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`: RFC 5280 allows no other form.
fn moment(tag: u8, time: &[u8]) -> Option<i64> {
    let digits = time.strip_suffix(b"Z")?;
    let pairs: Vec<i16> = digits
        .chunks(2)
        .map(|pair| match pair {
            [tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit() => {
                Some(i16::from(tens - b'0') * 10 + i16::from(ones - b'0'))
            }
            _ => None,
        })
        .collect::<Option<_>>()?;
    let (year, rest) = match (tag, pairs.as_slice()) {
        (UTC_TIME, [year, rest @ ..]) => (if *year < 50 { 2000 + year } else { 1900 + year }, rest),
        (GENERALIZED_TIME, [century, year, rest @ ..]) => (century * 100 + year, rest),
        _ => return None,
    };
    let [month, day, hour, minute, second] = *rest else { return None };
    let small = |value: i16| i8::try_from(value).ok();
    let time = civil::DateTime::new(
        year,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        0,
    )
    .ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_time_are_read() {
        assert_eq!(moment(UTC_TIME, b"700101000000Z"), Some(0));
        assert_eq!(moment(UTC_TIME, b"491231235959Z"), Some(2_524_607_999));
        assert_eq!(moment(GENERALIZED_TIME, b"20500101000000Z"), Some(2_524_608_000));
        assert_eq!(moment(GENERALIZED_TIME, b"99991231235959Z"), Some(253_402_300_799));
        for (tag, time) in [
            (UTC_TIME, &b"700101000000"[..]),
            (UTC_TIME, b"701301000000Z"),
            (UTC_TIME, b"7001010000Z"),
            (GENERALIZED_TIME, b"700101000000Z"),
            (INTEGER, b"700101000000Z"),
        ] {
            assert_eq!(moment(tag, time), None);
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        for bytes in [&b""[..], b"\x30", b"\x30\x80", b"\x30\x03\x30\x01\x02", b"\x30\x84\xff\xff\xff\xff"] {
            assert_eq!(not_after(bytes), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn it_is_total(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            not_after(&bytes);
        }
    }
}
