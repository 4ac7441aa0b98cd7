//! Counting records by what they say.

use std::collections::HashMap;
use std::io::{self, Write};

use palisade::audit::read::Event;

use super::Statistics;
use crate::terminal::printable;

/// Longest cell of a table in characters: a screen's width is finite, and so is memory.
const CELL: usize = 100;

/// Counts by one field or several.
pub struct Tally {
    fields: Vec<String>,
    /// Only refused requests count, and a rule's message is told with it.
    refusals: bool,
    counts: HashMap<Vec<String>, u64>,
}

impl Tally {
    /// Who was refused, by which rule, how often.
    pub fn refusals() -> Tally {
        Tally {
            fields: ["client", "refused-by", "message"]
                .map(str::to_owned)
                .to_vec(),
            refusals: true,
            counts: HashMap::new(),
        }
    }

    /// By fields that [`Event::field`] knows.
    pub fn by(fields: &[String]) -> Tally {
        Tally {
            fields: fields.to_vec(),
            refusals: false,
            counts: HashMap::new(),
        }
    }

    /// Counts a record once for every combination of its values; a field without a value counts as `-`.
    pub fn add(&mut self, event: &Event) {
        if self.refusals {
            if event.refused {
                let verdict = event.verdict();
                let part = |value: Option<&String>| {
                    value.map_or_else(|| "-".to_owned(), |text| cell(text))
                };
                let rule = part(verdict.and_then(|alert| alert.id.as_ref()));
                let why = part(verdict.and_then(|alert| alert.msg.as_ref()));
                *self
                    .counts
                    .entry(vec![cell(&event.client), rule, why])
                    .or_default() += 1;
            }
            return;
        }
        let mut rows: Vec<Vec<String>> = vec![Vec::new()];
        for field in &self.fields {
            let mut values = event.field(field).unwrap_or_default();
            if values.is_empty() {
                values.push("-".to_owned());
            }
            let mut longer = Vec::with_capacity(rows.len() * values.len());
            for row in &rows {
                longer.extend(values.iter().map(|value| {
                    let mut row = row.clone();
                    row.push(cell(value));
                    row
                }));
            }
            rows = longer;
        }
        for row in rows {
            *self.counts.entry(row).or_default() += 1;
        }
    }

    /// Writes the table, the most frequent first.
    pub fn write(self, statistics: &Statistics, top: usize) -> io::Result<()> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        let mut rows: Vec<(Vec<String>, u64)> = self.counts.into_iter().collect();
        rows.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        if self.refusals {
            let refused: u64 = rows.iter().map(|(_, count)| count).sum();
            writeln!(
                out,
                "{refused} of {} requests in the log were refused.",
                statistics.matching
            )?;
            if rows.is_empty() {
                writeln!(
                    out,
                    "What rules found all the same: --count-by rule,message"
                )?;
                return out.flush();
            }
            writeln!(out)?;
        }
        let shown = if top == 0 {
            rows.len()
        } else {
            top.min(rows.len())
        };
        let names: Vec<String> = match self.refusals {
            true => ["client", "rule", "message"].map(str::to_owned).to_vec(),
            false => self.fields,
        };
        let first = if self.refusals { "refused" } else { "count" };
        let table: Vec<Vec<String>> = rows
            .iter()
            .take(shown)
            .map(|(row, count)| {
                std::iter::once(count.to_string())
                    .chain(row.iter().cloned())
                    .collect()
            })
            .collect();
        let heading: Vec<String> = std::iter::once(first.to_owned()).chain(names).collect();
        let width = |column: usize| {
            let cells = std::iter::once(&heading)
                .chain(&table)
                .filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..heading.len()).map(width).collect();
        for row in std::iter::once(&heading).chain(&table) {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => line.push_str(&format!("{cell:>width$}")),
                    _ => line.push_str(&format!("  {cell:<width$}")),
                }
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        let rest = rows.len() - shown;
        if rest > 0 {
            writeln!(out, "… and {rest} rows more (--top 0 shows all)")?;
        }
        out.flush()
    }
}

/// A value as a cell of a table.
fn cell(text: &str) -> String {
    let mut cell = printable(text);
    if let Some((end, _)) = cell.char_indices().nth(CELL) {
        cell.truncate(end);
        cell.push('…');
    }
    cell
}
