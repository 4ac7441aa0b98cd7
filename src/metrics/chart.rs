//! Graphs as inline SVG, and the words for numbers.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::history::Span;

/// One of the layers that stand on each other in a bar.
pub(super) struct Layer {
    /// Its class, which has a colour.
    pub class: &'static str,
    /// What it is.
    pub word: &'static str,
    /// Its height.
    pub amount: fn(&Span) -> u64,
}

/// A graph with one bar for each span of time.
pub(super) struct Bars<'a> {
    /// The heading.
    pub heading: &'static str,
    /// What lies between the first bar and the last: `Last hour`.
    pub period: &'static str,
    pub spans: &'a [Span],
    /// From the ground up.
    pub layers: &'a [Layer],
    /// How an amount is written.
    pub format: fn(u64) -> String,
    /// What is said of all bars together. Where there are several layers, each has its own sum.
    pub summary: String,
}

/// Width of a bar with the gap beside it, and height of the tallest, in the graph's own units.
const STEP: usize = 10;
const HEIGHT: u64 = 100;

impl Bars<'_> {
    /// Writes the graph.
    pub(super) fn write(&self, page: &mut String) {
        let all = |span: &Span| {
            let layers = self.layers.iter();
            layers.fold(0, |sum: u64, layer| {
                sum.saturating_add((layer.amount)(span))
            })
        };
        let most = self.spans.iter().map(all).max().unwrap_or(0);
        let width = self.spans.len() * STEP;
        let (heading, period, summary) = (self.heading, self.period, &self.summary);
        let _ = write!(page, "<figure><figcaption><b>{period}</b><i>{summary}");
        for layer in self.layers.iter().filter(|_| self.layers.len() > 1) {
            let (class, word) = (layer.class, layer.word);
            let sum = self
                .spans
                .iter()
                .fold(0, |sum: u64, span| sum.saturating_add((layer.amount)(span)));
            let sum = (self.format)(sum);
            let _ = write!(
                page,
                "<span><em class=\"key {class}\"></em>{sum} {word}</span>"
            );
        }
        let _ = write!(
            page,
            "</i></figcaption><div class=plot><span class=most>{}</span>\
             <svg viewBox=\"0 0 {width} {HEIGHT}\" preserveAspectRatio=none role=img aria-label=\"{heading}, {period} {summary}\">\
             <path class=grid d=\"M0 .5H{width}M0 50H{width}\"/>",
            match most {
                0 => String::new(),
                most => (self.format)(most),
            },
        );
        for (at, span) in self
            .spans
            .iter()
            .enumerate()
            .filter(|(_, span)| all(span) > 0)
        {
            self.bar(page, at * STEP, span, most);
        }
        page.push_str("</svg></div><div class=axis>");
        for (span, word) in [
            (self.spans.first(), None),
            (self.spans.get(self.spans.len() / 2), None),
            (None, Some("now")),
        ] {
            let time = span.map(|span| clock(span.begin));
            let _ = write!(
                page,
                "<span>{}</span>",
                word.map(str::to_owned).or(time).unwrap_or_default()
            );
        }
        page.push_str("</div></figure>");
    }

    fn bar(&self, page: &mut String, x: usize, span: &Span, most: u64) {
        page.push_str("<g>");
        let mut ground = HEIGHT as f64;
        let mut words = clock(span.begin);
        for layer in self.layers {
            let amount = (layer.amount)(span);
            // However small, it is seen.
            let height = (amount as f64 * HEIGHT as f64 / most.max(1) as f64).max(1.5);
            if amount == 0 {
                continue;
            }
            ground = (ground - height).max(0.0);
            let class = layer.class;
            let _ = write!(
                page,
                "<rect class={class} x={} y={ground:.1} width=8 height={height:.1} />",
                x + 1
            );
            let _ = write!(words, " · {} {}", (self.format)(amount), layer.word);
        }
        let _ = write!(page, "<title>{words}</title></g>");
    }
}

/// Hours and minutes where the server is.
pub(super) fn clock(seconds: u64) -> String {
    local(seconds, "%H:%M")
}

/// Date and time where the server is.
pub(super) fn date(seconds: u64) -> String {
    local(seconds, "%Y-%m-%d %H:%M %Z")
}

fn local(seconds: u64, format: &str) -> String {
    let second = i64::try_from(seconds).unwrap_or(i64::MAX);
    let time = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
    time.to_zoned(TimeZone::system())
        .strftime(format)
        .to_string()
}

/// `12,345`
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at % 3 == first {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Nanoseconds in the unit that suits them: `87 µs`, `1.3 ms`.
pub(super) fn duration(nanoseconds: u64) -> String {
    let value = nanoseconds as f64;
    match nanoseconds {
        0..10_000 => format!("{:.1} µs", value / 1e3),
        10_000..1_000_000 => format!("{:.0} µs", value / 1e3),
        1_000_000..100_000_000 => format!("{:.1} ms", value / 1e6),
        100_000_000..10_000_000_000 => format!("{:.1} s", value / 1e9),
        _ => format!("{} s", grouped(nanoseconds / 1_000_000_000)),
    }
}

/// Seconds as people say them: `3 days 4 h`, `12 min`.
pub(super) fn age(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) if minutes == 0 => format!("{seconds} s"),
        (0, 0) => format!("{minutes} min"),
        (0, hours) => format!("{hours} h {minutes} min"),
        (1, hours) => format!("1 day {hours} h"),
        (days, hours) => format!("{} days {hours} h", grouped(days)),
    }
}

/// Bytes: `1.2 MiB`.
pub(super) fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let word = units.get(unit).copied().unwrap_or_default();
    match unit {
        0 => format!("{bytes} {word}"),
        _ => format!("{value:.1} {word}"),
    }
}

/// A share in per cent.
pub(super) fn share(part: u64, whole: u64) -> String {
    match whole {
        0 => "–".to_owned(),
        _ => format!("{:.1} %", part as f64 * 100.0 / whole as f64),
    }
}

/// Text as HTML has it.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c if c.is_control() => html.push('\u{fffd}'),
            c => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        let table = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345_678, "12,345,678"),
        ];
        assert_eq!(
            table.map(|(number, _)| grouped(number)),
            table.map(|(_, text)| text)
        );
        let table = [
            (0, "0.0 µs"),
            (1_234, "1.2 µs"),
            (87_400, "87 µs"),
            (1_300_000, "1.3 ms"),
            (2_500_000_000, "2.5 s"),
            (4_000_000_000_000, "4,000 s"),
        ];
        assert_eq!(
            table.map(|(time, _)| duration(time)),
            table.map(|(_, text)| text)
        );
        let table = [
            (5, "5 s"),
            (65, "1 min"),
            (3_700, "1 h 1 min"),
            (90_000, "1 day 1 h"),
            (900_000, "10 days 10 h"),
        ];
        assert_eq!(
            table.map(|(time, _)| age(time)),
            table.map(|(_, text)| text)
        );
        assert_eq!([5, 1536, 1 << 30].map(size), ["5 B", "1.5 KiB", "1.0 GiB"]);
        assert_eq!(
            (share(1, 8), share(1, 0)),
            ("12.5 %".to_owned(), "–".to_owned())
        );
    }

    #[test]
    fn no_text_leaves_its_place() {
        assert_eq!(escaped("a<b>&\"'\n"), "a&lt;b&gt;&amp;&quot;&#39;\u{fffd}");
    }
}
