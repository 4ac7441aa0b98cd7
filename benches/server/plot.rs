//! The plot: for each workload, what both firewalls need as a multiple of httpd alone, on a logarithmic scale.
//!
//! The layout is the same in every run, so that a change of the picture is a change of the figures. Its colours can be
//! told apart on white and on black, and by those who do not see colours: the marks differ in shape, too.

use std::fmt::Write as _;

use crate::figures::{Figures, MOD_SECURITY, PALISADE};
use crate::httpd::Variant;
use crate::page::times;

const WIDTH: f64 = 860.0;
/// Where the axis begins and ends: left of it are the names, right of it the ratios.
const LEFT: f64 = 190.0;
const RIGHT: f64 = 740.0;
const TOP: f64 = 70.0;
const ROW: f64 = 26.0;

/// The axis ends here: ten thousand times httpd alone.
const DECADES: i32 = 4;

const STYLE: &str = "\
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.quiet { fill: #57606a; }
.grid { stroke: #8c959f; stroke-opacity: .35; }
.span { stroke: #8c959f; stroke-width: 2; }
.ours { fill: #1a7f37; } .theirs { fill: #bc4c00; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .quiet { fill: #9198a1; }
  .ours { fill: #3fb950; } .theirs { fill: #f0883e; }
}";

pub fn render(figures: &Figures) -> String {
    let rows: Vec<_> = figures
        .cpu
        .iter()
        .filter_map(|row| {
            let over_bare = |variant| row.ratio(variant, Variant::Bare).map(|ratio| ratio.median);
            let less = 1.0 / row.ratio(PALISADE, MOD_SECURITY)?.median;
            Some((
                row.name,
                over_bare(PALISADE)?,
                over_bare(MOD_SECURITY)?,
                less,
            ))
        })
        .collect();
    let bottom = TOP + ROW * rows.len() as f64;
    let height = bottom + 34.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n\
         <title>CPU of a request, as a multiple of what httpd alone needs</title>\n<style>\n{STYLE}\n</style>\n\
         <text x=\"16\" y=\"24\" style=\"font-weight:600\">CPU of a request, as a multiple of what httpd alone needs</text>\n"
    );
    legend(&mut svg);
    for decade in 0..=DECADES {
        let at = x(10f64.powi(decade));
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{at:.1}\" y1=\"{}\" x2=\"{at:.1}\" y2=\"{bottom}\"/>\n\
             <text class=\"quiet\" x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}×</text>\n",
            TOP - 6.0,
            bottom + 20.0,
            10u32.pow(decade.unsigned_abs()),
        );
    }
    for (number, (name, ours, theirs, less)) in rows.into_iter().enumerate() {
        let y = TOP + ROW * (number as f64 + 0.5);
        let (from, to) = (x(ours), x(theirs));
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>\n\
             <line class=\"span\" x1=\"{from:.1}\" y1=\"{y}\" x2=\"{to:.1}\" y2=\"{y}\"/>\n",
            LEFT - 14.0,
            y + 4.5,
        );
        circle(&mut svg, from, y);
        square(&mut svg, to, y);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - 16.0,
            y + 4.5,
            times(less)
        );
    }
    svg + "</svg>\n"
}

fn legend(svg: &mut String) {
    let y = 46.0;
    circle(svg, LEFT, y);
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\">Palisade</text>",
        LEFT + 12.0,
        y + 4.5
    );
    square(svg, LEFT + 100.0, y);
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\">mod_security2</text>",
        LEFT + 112.0,
        y + 4.5
    );
    let _ = writeln!(
        svg,
        "<text class=\"quiet\" x=\"{}\" y=\"{}\" text-anchor=\"end\">Palisade needs less by</text>",
        WIDTH - 16.0,
        y + 4.5
    );
}

fn circle(svg: &mut String, x: f64, y: f64) {
    let _ = writeln!(
        svg,
        "<circle class=\"ours\" cx=\"{x:.1}\" cy=\"{y}\" r=\"6\"/>"
    );
}

fn square(svg: &mut String, x: f64, y: f64) {
    let (left, top) = (x - 5.5, y - 5.5);
    let _ = writeln!(
        svg,
        "<rect class=\"theirs\" x=\"{left:.1}\" y=\"{top}\" width=\"11\" height=\"11\"/>"
    );
}

/// Where a multiple lies on the axis.
fn x(multiple: f64) -> f64 {
    let decades = multiple.log10().clamp(0.0, f64::from(DECADES));
    LEFT + (RIGHT - LEFT) * decades / f64::from(DECADES)
}
