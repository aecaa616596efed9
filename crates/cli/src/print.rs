//! Output for people and programs.

use std::io::Write;

use serde::Serialize;
use serde_json::ser::PrettyFormatter;

use crate::failure::Failure;

/// Prints a value as JSON, indented as Consul's command line does it.
pub(crate) fn json(
    out: &mut dyn Write,
    value: &impl Serialize,
    indent: &str,
) -> Result<(), Failure> {
    let formatter = PrettyFormatter::with_indent(indent.as_bytes());
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, formatter);
    value.serialize(&mut serializer).map_err(Failure::new)?;
    Ok(writeln!(out)?)
}

/// Prints rows with their columns aligned, `gap` spaces apart and nothing after the last one.
pub(crate) fn table(out: &mut dyn Write, rows: &[Vec<String>], gap: usize) -> Result<(), Failure> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns)
        .map(|column| width(column).unwrap_or(0) + gap)
        .collect();
    for row in rows {
        let line: String = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// A row of a table.
pub(crate) fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).into()
}
