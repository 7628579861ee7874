//! Table, CSV and JSON.

use std::io::{self, Write};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::Output;
use super::cells::{Cell, Column};
use crate::ledger::dollars;

/// Aligned columns under their titles: text to the left, numbers to the right, amounts in dollars.
pub(in crate::cli) fn table(
    output: &mut dyn Write,
    columns: &[Column],
    rows: &[Vec<Cell>],
) -> io::Result<()> {
    let shown = |place: &usize| {
        let column = columns[*place];
        let is_any = |row: &Vec<Cell>| !matches!(row[*place], Cell::None | Cell::Count(0));
        !column.title.is_empty() && (!column.sparse || rows.iter().any(is_any))
    };
    let shown: Vec<_> = (0..columns.len()).filter(shown).collect();
    let texts: Vec<Vec<_>> =
        rows.iter().map(|row| shown.iter().map(|place| for_people(&row[*place])).collect()).collect();
    let mut widths: Vec<_> = shown.iter().map(|place| columns[*place].title.chars().count()).collect();
    for row in &texts {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = (*width).max(text.chars().count());
        }
    }
    let right: Vec<_> = shown.iter().map(|place| rows.iter().any(|row| is_number(&row[*place]))).collect();
    let mut line = |texts: &mut dyn Iterator<Item = &str>| {
        let mut padded = String::new();
        for ((text, width), right) in texts.zip(&widths).zip(&right) {
            let padding = " ".repeat(width.saturating_sub(text.chars().count()));
            let (before, after) = if *right { (padding.as_str(), "") } else { ("", padding.as_str()) };
            padded.extend([before, text, after, "  "]);
        }
        writeln!(output, "{}", padded.trim_end())
    };
    line(&mut shown.iter().map(|place| columns[*place].title))?;
    texts.iter().try_for_each(|row| line(&mut row.iter().map(String::as_str)))
}

/// The names of the columns.
pub(in crate::cli) fn csv_header(output: &mut dyn Write, columns: &[Column]) -> io::Result<()> {
    writeln!(output, "{}", columns.iter().map(|column| column.name).collect::<Vec<_>>().join(","))
}

/// One record; nothing stands for none.
pub(in crate::cli) fn csv(output: &mut dyn Write, row: &[Cell]) -> io::Result<()> {
    let fields = row.iter().map(|cell| match cell {
        Cell::Text(text) => quoted(text),
        Cell::Count(number) | Cell::Nanos(number) => number.to_string(),
        Cell::None => String::new(),
    });
    writeln!(output, "{}", fields.collect::<Vec<_>>().join(","))
}

/// One object and a line break.
pub(in crate::cli) fn json_line(output: &mut dyn Write, columns: &[Column], row: &[Cell]) -> io::Result<()> {
    serde_json::to_writer(&mut *output, &Object { columns, row })?;
    writeln!(output)
}

/// A list of objects, one a line.
pub(in crate::cli) fn json_list(
    output: &mut dyn Write,
    columns: &[Column],
    rows: &[Vec<Cell>],
) -> io::Result<()> {
    for (place, row) in rows.iter().enumerate() {
        write!(output, "{}", if place == 0 { "[" } else { ",\n " })?;
        serde_json::to_writer(&mut *output, &Object { columns, row })?;
    }
    writeln!(output, "{}", if rows.is_empty() { "[]" } else { "]" })
}

/// In one of the formats; a table of nothing says so.
pub(in crate::cli) fn list(
    format: Output,
    columns: &[Column],
    rows: &[Vec<Cell>],
    nothing: &str,
    output: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Output::Table if rows.is_empty() => writeln!(output, "{nothing}")?,
        Output::Table => table(output, columns, rows)?,
        Output::Csv => {
            csv_header(output, columns)?;
            rows.iter().try_for_each(|row| csv(output, row))?;
        }
        Output::Json => json_list(output, columns, rows)?,
    }
    output.flush()
}

struct Object<'a> {
    columns: &'a [Column],
    row: &'a [Cell],
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.row.len()))?;
        for (column, cell) in self.columns.iter().zip(self.row) {
            map.serialize_entry(column.name, cell)?;
        }
        map.end()
    }
}

fn is_number(cell: &Cell) -> bool {
    matches!(cell, Cell::Count(_) | Cell::Nanos(_))
}

fn for_people(cell: &Cell) -> String {
    match cell {
        // Users and projects are what clients say: nothing of it may steer a terminal.
        Cell::Text(text) => text.chars().map(visible).collect(),
        Cell::Count(number) => number.to_string(),
        Cell::Nanos(nanos) => dollars(*nanos),
        Cell::None => "-".to_owned(),
    }
}

fn visible(c: char) -> String {
    if c.is_control() { c.escape_default().to_string() } else { c.to_string() }
}

fn quoted(text: &str) -> String {
    let special = |c: char| matches!(c, ',' | '"' | '\r' | '\n');
    if text.contains(special) || text.trim() != text {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_decimals_they_need() {
        let shown = [0, 1, 10_000_000, 1_500_000_000, 1_250_000, -1, -1_234_567_891_234].map(dollars);
        assert_eq!(
            shown,
            ["0.00", "0.000000001", "0.01", "1.50", "0.00125", "-0.000000001", "-1234.567891234"]
        );
        assert_eq!(dollars(i128::MAX), "170141183460469231731687303715.884105727");
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        let plain = ["", "ada", "it's", "a b", "字"];
        assert!(plain.iter().all(|text| quoted(text) == *text));
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"hi\""), "\"say \"\"hi\"\"\"");
        assert_eq!(quoted("two\nlines"), "\"two\nlines\"");
        assert_eq!(quoted(" padded"), "\" padded\"");
    }

    #[test]
    fn control_characters_never_reach_a_terminal() {
        let cell = Cell::Text("\u{1b}[2Jx\r\n".to_owned());
        assert_eq!(for_people(&cell), "\\u{1b}[2Jx\\r\\n");
    }
}
