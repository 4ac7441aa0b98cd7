//! `palisade collections`: what rules remember, looked at and changed from outside.

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use palisade::audit::Json;
use palisade::audit::escape::{log_escape_hex, unescape};
use palisade::collections::{
    Change, FileStore, Id, Record, RedisOptions, RedisStore, Statistics, Store, now, sdbm,
};

/// Looks at persistent collections, forgets entries, and takes over those of mod_security2.
#[derive(Args)]
pub struct Arguments {
    /// Where they are: a directory, as in SecDataDir, or an address, as in SecCollectionStore.
    #[arg(short, long, value_name = "PLACE")]
    store: String,
    /// An option of SecCollectionStore, as in password-file=FILE.
    #[arg(short, long, value_name = "NAME=VALUE")]
    option: Vec<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// One line an entry: collection, key, seconds left, updates.
    List {
        /// Only of this collection, as in `ip` or `default_SESSION`.
        collection: Option<String>,
    },
    /// All values of an entry.
    Show(Entry),
    /// Forgets an entry.
    Delete(Entry),
    /// Everything as JSON, one object a line.
    Export,
    /// How many entries there are, and how much room they take.
    Size,
    /// Takes over entries of mod_security2 that are not there yet.
    Import {
        /// Its `.pag` files, while nobody writes to them.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

#[derive(Args)]
struct Entry {
    /// The collection, as `list` shows it.
    collection: String,
    /// The key, as `list` shows it: `\xHH` stands for a byte.
    key: OsString,
}

impl Entry {
    fn id(&self) -> Id {
        Id {
            name: self.collection.clone(),
            key: unescape(self.key.as_encoded_bytes()),
        }
    }
}

/// 0 when it was done, 1 with the reason otherwise.
pub fn run(arguments: &Arguments) -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let done = open(&arguments.store, &arguments.option).and_then(|store| {
        let done = perform(&*store, &arguments.command, &mut out);
        // Whoever reads may have had enough (`| head`): that is no mistake.
        let _ = out.flush();
        done
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("palisade: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The store, which must be there: a mistyped directory is not filled.
fn open(place: &str, options: &[String]) -> Result<Box<dyn Store>, String> {
    let directory = place.strip_prefix("file:").unwrap_or(place);
    if place.starts_with("file:") || place.starts_with(['/', '.']) {
        let store = FileStore::open_existing(directory.as_ref());
        return match store {
            Ok(store) => Ok(Box::new(store)),
            Err(why) => Err(why.to_string()),
        };
    }
    if place == "memory" {
        return Err("what httpd keeps in memory is out of reach".to_owned());
    }
    // Whoever looks has more time than a request; an option that is given comes later and holds.
    let options = [&["timeout=5000".to_owned()], options].concat();
    let options = RedisOptions::parse(place, &options)?;
    Ok(Box::new(RedisStore::open(options, None)))
}

fn perform(store: &dyn Store, command: &Command, out: &mut dyn Write) -> Result<(), String> {
    let now = now();
    match command {
        Command::List { collection } => store.visit(now, &mut |id, record| {
            if collection.as_ref().is_none_or(|wanted| *wanted == id.name) {
                let _ = list(out, id, record, now);
            }
        }),
        Command::Show(entry) => {
            let record = find(store, &entry.id(), now)?;
            let _ = show(out, &record, now);
            Ok(())
        }
        Command::Delete(entry) => match store.remove(&entry.id())? {
            true => Ok(()),
            false => Err("there is no such entry".to_owned()),
        },
        Command::Export => store.visit(now, &mut |id, record| {
            let _ = export(out, id, record);
        }),
        Command::Size => {
            // Asks the store first whether it is there.
            store.visit(now, &mut |_, _| {})?;
            let _ = size(out, &store.statistics(now));
            Ok(())
        }
        Command::Import { files } => import(store, files, now, out),
    }
}

/// An entry. All are looked at, so that a store that does not answer is not taken for one without it.
fn find(store: &dyn Store, id: &Id, now: i64) -> Result<Record, String> {
    let mut found = None;
    store.visit(now, &mut |known, record| {
        if known == id {
            found = Some(record.clone());
        }
    })?;
    found.ok_or_else(|| "there is no such entry".to_owned())
}

fn escaped(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    log_escape_hex(&mut text, bytes);
    text
}

fn list(out: &mut dyn Write, id: &Id, record: &Record, now: i64) -> io::Result<()> {
    out.write_all(&escaped(id.name.as_bytes()))?;
    out.write_all(b"\t")?;
    out.write_all(&escaped(&id.key))?;
    let updates = record.get(b"UPDATE_COUNTER").unwrap_or(b"0");
    write!(out, "\t{}\t", record.expires.saturating_sub(now))?;
    out.write_all(&escaped(updates))?;
    out.write_all(b"\n")
}

fn show(out: &mut dyn Write, record: &Record, now: i64) -> io::Result<()> {
    for (name, value) in &record.values {
        out.write_all(&escaped(name))?;
        out.write_all(b"\t")?;
        out.write_all(&escaped(value))?;
        let same = |(known, _): &&(Vec<u8>, i64)| known.eq_ignore_ascii_case(name);
        if let Some((_, at)) = record.expiries.iter().find(same) {
            write!(out, "\texpires in {} s", at.saturating_sub(now))?;
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn export(out: &mut dyn Write, id: &Id, record: &Record) -> io::Result<()> {
    let time = |at: i64| u64::try_from(at).unwrap_or(0);
    let mut line = Vec::new();
    Json::object(&mut line, |json| {
        json.text("collection", id.name.as_bytes());
        json.text("key", &id.key);
        json.number("updated", time(record.updated));
        json.number("expires", time(record.expires));
        json.map("values", |json| {
            for (name, value) in &record.values {
                json.text_named(name, value);
            }
        });
        json.map("expiries", |json| {
            for (name, at) in &record.expiries {
                json.number_named(name, time(*at));
            }
        });
    });
    line.push(b'\n');
    out.write_all(&line)
}

fn size(out: &mut dyn Write, statistics: &Statistics) -> io::Result<()> {
    writeln!(out, "entries\t{}", statistics.entries)?;
    if statistics.capacity > 0 {
        writeln!(out, "bytes\t{}", statistics.bytes)?;
        writeln!(out, "capacity\t{}", statistics.capacity)?;
    }
    Ok(())
}

fn import(
    store: &dyn Store,
    files: &[PathBuf],
    now: i64,
    out: &mut dyn Write,
) -> Result<(), String> {
    for path in files {
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let contents = sdbm::read(&bytes);
        let (mut taken, mut expired, mut known) = (0, 0, 0);
        for (id, mut record) in contents.records {
            if !record.settle(now) {
                expired += 1;
            } else if store.load(&id, now).is_some() {
                known += 1;
            } else {
                store.update(&[(id, Change::whole(&record))], now);
                taken += 1;
            }
        }
        let _ = writeln!(
            out,
            "{}: {taken} taken over, {expired} expired, {known} known already, {} unreadable",
            path.display(),
            contents.unreadable
        );
    }
    let failures = store.statistics(now).failures;
    match failures {
        0 => Ok(()),
        _ => Err(format!("{failures} changes could not be stored")),
    }
}
