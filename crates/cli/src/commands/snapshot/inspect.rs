//! `snapshot inspect`.

use std::fs;
use std::io::{Read, Seek};
use std::path::Path;

use clap::{ArgMatches, Command};
use serde::Serialize;
use tribune_archive::Meta;
use tribune_state::Inspection;

use super::save::open;
use crate::Context;
use crate::failure::Failure;
use crate::tree::Leaf;
use crate::{flags, print};

pub(super) const LEAF: Leaf = Leaf {
    name: "inspect",
    about: "Shows what a file of `snapshot save` holds, how many rows of each kind, and how large they are. A file \
            named state.bin is read beside its meta.json.",
    arguments: "FILE",
    example: "snapshot inspect -format=json backup.snap",
    flags: |command: Command| {
        command.args([
            flags::text("format", "FORMAT", "pretty (the default) or json"),
            flags::switch(
                "kvdetails",
                "Whether keys of the KV store are shown by prefix",
            ),
            flags::number(
                "kvdepth",
                "How many parts of a key make its prefix, with -kvdetails",
            ),
            flags::text(
                "kvfilter",
                "PREFIX",
                "Which keys are shown, with -kvdetails",
            ),
        ])
    },
    run,
};

/// What is shown, as JSON.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    meta: ShownMeta,
    stats: Vec<Stat>,
    total_size: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ShownMeta {
    #[serde(rename = "ID")]
    id: String,
    size: u64,
    index: u64,
    term: u64,
    version: u32,
}

/// The rows of one kind.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Stat {
    name: String,
    /// Their size.
    sum: u64,
    count: u64,
}

fn run(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [file] = flags::exactly(matches, "a FILE argument")?;
    let json = flags::wants_json(matches)?;
    let (meta, inspection) = inspected(&file)?;
    let shown = shown(meta, inspection);
    if json {
        print::json(context.out, &shown, "   ")?;
    } else {
        context.out.write_all(pretty(&shown).as_bytes())?;
    }
    if flags::is_on(matches, "kvdetails") {
        writeln!(context.err, "There is no KV store yet, so no keys.")?;
    }
    Ok(0)
}

/// What an archive, or a state beside its meta data, holds.
fn inspected(file: &str) -> Result<(Meta, Inspection), Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(format!("Error reading snapshot: {file}: {error}"))
    };
    let archive = open(file)?;
    let (meta, mut state) = if Path::new(file)
        .file_name()
        .is_some_and(|name| name == "state.bin")
    {
        let beside = Path::new(file).with_file_name("meta.json");
        let text =
            fs::read(&beside).map_err(|error| failed(&format!("{}: {error}", beside.display())))?;
        let meta = serde_json::from_slice(&text).map_err(|error| failed(&error))?;
        (meta, archive)
    } else {
        let mut state = tempfile::tempfile().map_err(|error| failed(&error))?;
        let meta = tribune_archive::read(archive, &state).map_err(|error| failed(&error))?;
        state.rewind().map_err(|error| failed(&error))?;
        (meta, state)
    };
    let mut broken = None;
    let pieces = std::iter::from_fn(|| {
        let mut piece = vec![0; 64 << 10];
        match state.read(&mut piece) {
            Ok(0) => None,
            Ok(length) => {
                piece.truncate(length);
                Some(piece)
            }
            Err(error) => {
                broken = Some(error);
                None
            }
        }
    });
    let inspection = tribune_state::inspect(pieces);
    match broken {
        Some(error) => Err(failed(&error)),
        None => Ok((meta, inspection.map_err(|error| failed(&error))?)),
    }
}

fn shown(meta: Meta, inspection: Inspection) -> Shown {
    let mut stats: Vec<_> = inspection
        .tables
        .into_iter()
        .map(|table| Stat {
            name: table.name,
            sum: table.bytes,
            count: table.rows,
        })
        .collect();
    stats.sort_by(|one, other| {
        other
            .sum
            .cmp(&one.sum)
            .then_with(|| one.name.cmp(&other.name))
    });
    Shown {
        total_size: stats.iter().map(|stat| stat.sum).sum(),
        stats,
        meta: ShownMeta {
            id: meta.id,
            size: meta.size,
            index: meta.index,
            term: meta.term,
            version: inspection.version,
        },
    }
}

fn pretty(shown: &Shown) -> String {
    let meta = &shown.meta;
    let row = |cells: [&str; 3]| cells.map(str::to_owned);
    let head = [
        ["ID".to_owned(), meta.id.clone()],
        ["Size".to_owned(), meta.size.to_string()],
        ["Index".to_owned(), meta.index.to_string()],
        ["Term".to_owned(), meta.term.to_string()],
        ["Version".to_owned(), meta.version.to_string()],
    ];
    let rule = row(["----", "----", "----"]);
    let mut rows = vec![row(["Type", "Count", "Size"]), rule.clone()];
    rows.extend(shown.stats.iter().map(|stat| {
        [
            stat.name.clone(),
            stat.count.to_string(),
            readable(stat.sum),
        ]
    }));
    rows.push(rule);
    rows.push([
        "Total".to_owned(),
        String::new(),
        readable(shown.total_size),
    ]);
    aligned(&head) + "\n" + &aligned(&rows)
}

/// Rows with a space in front and six behind each column but the last.
fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let widest = rows.iter().map(|row| row[column].chars().count()).max();
        widest.unwrap_or(0) + 6
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(widths);
        let line: String = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(&format!(" {}\n", line.trim_end()));
    }
    text
}

/// A number of bytes with one decimal at most.
fn readable(bytes: u64) -> String {
    let units = ["B", "KB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let text = format!("{value:.1}");
    format!("{}{}", text.trim_end_matches(".0"), units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_readable() {
        for (bytes, text) in [
            (0, "0B"),
            (285, "285B"),
            (2048, "2KB"),
            (12_600, "12.3KB"),
            (5 << 30, "5GB"),
        ] {
            assert_eq!(readable(bytes), text);
        }
    }

    #[test]
    fn a_snapshot_is_shown_in_columns() {
        let shown = Shown {
            meta: ShownMeta {
                id: "2-7-x".to_owned(),
                size: 900,
                index: 7,
                term: 2,
                version: 1,
            },
            stats: vec![Stat {
                name: "nodes".to_owned(),
                sum: 285,
                count: 11,
            }],
            total_size: 285,
        };
        assert_eq!(
            pretty(&shown),
            " ID           2-7-x\n Size         900\n Index        7\n Term         2\n Version      1\n\n \
             Type       Count      Size\n ----       ----       ----\n nodes      11         285B\n \
             ----       ----       ----\n Total                 285B\n"
        );
        let json = serde_json::to_string(&shown).unwrap();
        assert!(json.starts_with(r#"{"Meta":{"ID":"2-7-x","Size":900,"Index":7,"Term":2,"Version":1},"Stats":[{"Name":"nodes","Sum":285,"Count":11}]"#), "{json}");
    }
}
