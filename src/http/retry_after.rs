//! How long the other side asks to be left alone.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header::RETRY_AFTER};

/// Nobody is left alone for longer than a day, whatever the header says.
pub const LONGEST: Duration = Duration::from_hours(24);

/// Reads `Retry-After` (RFC 9110 §10.2.3): seconds, seconds with decimals as some vendors send them, or an HTTP date.
/// A date in the past means "now". Capped at [`LONGEST`]; `None` where the header is absent or says nothing readable.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<f64>() {
        Ok(seconds) if seconds.is_nan() || seconds < 0.0 => return None,
        Ok(seconds) => Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST),
        Err(_) => {
            let date = httpdate::parse_http_date(text).ok()?;
            date.duration_since(now).unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(text: &str) -> Option<Duration> {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2015 07:28:00 GMT").unwrap();
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(text).unwrap())]);
        retry_after(&headers, now)
    }

    #[test]
    fn seconds_decimals_and_dates_are_read() {
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read(" 0.5 "), Some(Duration::from_millis(500)));
        assert_eq!(read("Wed, 21 Oct 2015 07:29:30 GMT"), Some(Duration::from_secs(90)));
        assert_eq!(read("Wednesday, 21-Oct-15 07:28:05 GMT"), Some(Duration::from_secs(5)));
        assert_eq!(read("Wed, 21 Oct 2015 07:00:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn nobody_waits_for_more_than_a_day() {
        assert_eq!(read("10800"), Some(Duration::from_hours(3)));
        assert_eq!(read("86401"), Some(LONGEST));
        assert_eq!(read("1e300"), Some(LONGEST));
        assert_eq!(read("inf"), Some(LONGEST));
        assert_eq!(read("Wed, 21 Oct 2099 07:00:00 GMT"), Some(LONGEST));
    }

    #[test]
    fn what_can_not_be_read_is_absent() {
        for text in ["", "soon", "-3", "NaN"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), SystemTime::now()), None);
    }
}
