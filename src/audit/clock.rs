//! Local time as audit logs write it.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// A time zone, read once: records are written from places where the time zone files are out of reach.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// The server's own zone (`TZ`, else `/etc/localtime`), or UTC where neither can be read. It is read at the first call:
    /// call this while the configuration is read, before any chroot.
    pub fn local() -> &'static Zone {
        static LOCAL: OnceLock<Zone> = OnceLock::new();
        LOCAL.get_or_init(|| Zone(TimeZone::try_system().unwrap_or(TimeZone::UTC)))
    }

    /// UTC.
    pub fn utc() -> Zone {
        Zone(TimeZone::UTC)
    }

    /// A zone that is always this many seconds east of UTC. `None` beyond a day.
    pub fn fixed(seconds_east: i32) -> Option<Zone> {
        Some(Zone(TimeZone::fixed(
            Offset::from_seconds(seconds_east).ok()?,
        )))
    }

    /// The calendar's view of a point in time. Times before 1970 or out of the calendar's range read as its ends.
    pub fn civil(&self, time: SystemTime) -> Civil {
        let micros = time
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX));
        let at = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX);
        let offset = self.0.to_offset(at);
        let local = offset.to_datetime(at);
        Civil {
            year: local.year().unsigned_abs(),
            month: local.month().unsigned_abs(),
            day: local.day().unsigned_abs(),
            hour: local.hour().unsigned_abs(),
            minute: local.minute().unsigned_abs(),
            second: local.second().unsigned_abs(),
            micros: local.subsec_nanosecond().unsigned_abs() / 1000,
            minutes_east: offset.seconds() / 60,
        }
    }
}

/// A point in local time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Civil {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    micros: u32,
    minutes_east: i32,
}

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

impl Civil {
    fn month_name(&self) -> &'static [u8; 3] {
        let place = usize::from(self.month).wrapping_sub(1);
        MONTHS.get(place).copied().unwrap_or(b"Jan")
    }

    /// `22/Nov/2026:11:38:00.123456 +0000`, without the brackets that part A puts around it.
    ///
    /// Compat: mod_security2 writes the sign of a negative zone twice (`--0400`); here it is written once, as every parser's
    /// date format demands.
    pub fn write_log_time(&self, out: &mut Vec<u8>) {
        digits(out, u32::from(self.day), 2);
        out.push(b'/');
        out.extend_from_slice(self.month_name());
        out.push(b'/');
        digits(out, u32::from(self.year), 4);
        self.write_clock(out, b':', b":");
        out.push(b'.');
        digits(out, self.micros, 6);
        out.push(b' ');
        self.write_zone(out, b"");
    }

    /// `2026-11-22T11:38:00.123456+00:00`.
    pub fn write_iso_8601(&self, out: &mut Vec<u8>) {
        digits(out, u32::from(self.year), 4);
        out.push(b'-');
        digits(out, u32::from(self.month), 2);
        out.push(b'-');
        digits(out, u32::from(self.day), 2);
        self.write_clock(out, b'T', b":");
        out.push(b'.');
        digits(out, self.micros, 6);
        self.write_zone(out, b":");
    }

    /// `Nov 22 12:38:00`, with a blank for a day's missing digit.
    pub fn write_rfc_3164(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.month_name());
        out.push(b' ');
        match self.day {
            0..10 => out.push(b' '),
            day => out.push(b'0' + day / 10),
        }
        out.push(b'0' + self.day % 10);
        self.write_clock(out, b' ', b":");
    }

    /// `20261122`: a day's directory.
    pub fn write_day(&self, out: &mut Vec<u8>) {
        digits(out, u32::from(self.year), 4);
        digits(out, u32::from(self.month), 2);
        digits(out, u32::from(self.day), 2);
    }

    /// `20261122-1138`: a minute's directory.
    pub fn write_minute(&self, out: &mut Vec<u8>) {
        self.write_day(out);
        out.push(b'-');
        digits(out, u32::from(self.hour), 2);
        digits(out, u32::from(self.minute), 2);
    }

    /// `20261122-113800`: how a record's file name begins.
    pub fn write_second(&self, out: &mut Vec<u8>) {
        self.write_day(out);
        self.write_clock(out, b'-', b"");
    }

    fn write_clock(&self, out: &mut Vec<u8>, before: u8, between: &[u8]) {
        out.push(before);
        digits(out, u32::from(self.hour), 2);
        out.extend_from_slice(between);
        digits(out, u32::from(self.minute), 2);
        out.extend_from_slice(between);
        digits(out, u32::from(self.second), 2);
    }

    fn write_zone(&self, out: &mut Vec<u8>, between: &[u8]) {
        out.push(if self.minutes_east < 0 { b'-' } else { b'+' });
        let minutes = self.minutes_east.unsigned_abs();
        digits(out, minutes / 60, 2);
        out.extend_from_slice(between);
        digits(out, minutes % 60, 2);
    }
}

/// `value` in decimal, filled up with zeros to `width` digits.
fn digits(out: &mut Vec<u8>, value: u32, width: u32) {
    for place in (0..width).rev() {
        out.push(b'0' + (value / 10u32.pow(place) % 10) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn written(zone: &Zone, micros: u64, write: fn(&Civil, &mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(
            &zone.civil(UNIX_EPOCH + Duration::from_micros(micros)),
            &mut out,
        );
        String::from_utf8(out).unwrap_or_default()
    }

    const NOVEMBER: u64 = 1_795_347_480_123_456;

    #[test]
    fn every_form() {
        let utc = Zone::utc();
        for (write, expected) in [
            (
                Civil::write_log_time as fn(&Civil, &mut Vec<u8>),
                "22/Nov/2026:11:38:00.123456 +0000",
            ),
            (Civil::write_iso_8601, "2026-11-22T11:38:00.123456+00:00"),
            (Civil::write_rfc_3164, "Nov 22 11:38:00"),
            (Civil::write_day, "20261122"),
            (Civil::write_minute, "20261122-1138"),
            (Civil::write_second, "20261122-113800"),
        ] {
            assert_eq!(written(&utc, NOVEMBER, write), expected);
        }
    }

    #[test]
    fn zones_have_one_sign() {
        for (east, expected) in [
            (-4 * 3600, "22/Nov/2026:07:38:00.123456 -0400"),
            (-1800, "22/Nov/2026:11:08:00.123456 -0030"),
            (5 * 3600 + 1800, "22/Nov/2026:17:08:00.123456 +0530"),
            (14 * 3600, "23/Nov/2026:01:38:00.123456 +1400"),
        ] {
            let zone = Zone::fixed(east).unwrap_or(Zone::utc());
            assert_eq!(written(&zone, NOVEMBER, Civil::write_log_time), expected);
        }
        assert!(Zone::fixed(200_000).is_none());
    }

    #[test]
    fn ends_of_time() {
        let utc = Zone::utc();
        assert_eq!(
            written(&utc, 0, Civil::write_log_time),
            "01/Jan/1970:00:00:00.000000 +0000"
        );
        assert_eq!(written(&utc, 0, Civil::write_rfc_3164), "Jan  1 00:00:00");
        let early = utc.civil(UNIX_EPOCH - Duration::from_secs(5));
        assert_eq!(early, utc.civil(UNIX_EPOCH));
        let late = utc.civil(UNIX_EPOCH + Duration::from_secs(1 << 60));
        assert_eq!(late.year, 9999);
    }
}
