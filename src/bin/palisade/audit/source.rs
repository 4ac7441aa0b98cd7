//! Where records are read from: files, gzipped or not, directories, standard input; to their end, or as they grow.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use palisade::audit::read::{Event, IndexLine, Reader, Reading};

/// Bytes read at a time.
const BUFFER: usize = 256 * 1024;
/// What takes longer than this is worth a progress bar.
const SOON: Duration = Duration::from_millis(500);
/// How often a followed file is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// A renamed file is still read for this long after its last record: httpd's old processes finish their requests.
const LINGER: Duration = Duration::from_secs(30);
/// A stored record is not larger than this, in bytes.
const STORED: u64 = palisade::audit::RECORD_LIMIT as u64;

/// A log that is read.
pub struct Source {
    input: BufReader<Box<dyn Read>>,
    path: Option<PathBuf>,
    read: Rc<Cell<u64>>,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.input.consume(amount);
    }
}

/// How many bytes of a source have been read, unpacked.
pub struct Counter(Rc<Cell<u64>>);

impl Counter {
    pub fn get(&self) -> u64 {
        self.0.get()
    }
}

impl Source {
    fn new(input: Box<dyn Read>, path: Option<PathBuf>) -> Source {
        let read = Rc::new(Cell::new(0));
        let counted = Counted {
            input,
            read: Rc::clone(&read),
        };
        Source {
            input: BufReader::with_capacity(BUFFER, Box::new(counted)),
            path,
            read,
        }
    }

    pub fn counter(&self) -> Counter {
        Counter(Rc::clone(&self.read))
    }

    /// The directory that the log lies in.
    fn directory(&self) -> Option<&Path> {
        self.path.as_deref()?.parent()
    }
}

struct Counted {
    input: Box<dyn Read>,
    read: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        self.read.set(self.read.get() + length as u64);
        Ok(length)
    }
}

/// Hands every source to `take`, or the sentence about one that cannot be read. Followed files come as one source, which does
/// not end.
pub fn read_all(
    paths: &[PathBuf],
    follow: bool,
    mut take: impl FnMut(Result<Source, String>) -> io::Result<()>,
) -> io::Result<()> {
    let mut files = Vec::new();
    for path in paths {
        match collect(path) {
            Ok(found) => files.extend(found),
            Err(error) => take(Err(problem(path, &error)))?,
        }
    }
    if follow {
        let mut followed = Vec::new();
        for path in files {
            match Followed::open(&path) {
                Ok(file) => followed.push(file),
                Err(error) => take(Err(problem(&path, &error)))?,
            }
        }
        let path = followed.first().map(|file| file.path.clone());
        return match followed.is_empty() {
            true => Ok(()),
            false => take(Ok(Source::new(Box::new(Following::new(followed)), path))),
        };
    }
    let (bar, since) = (bar(&files), Instant::now());
    for path in files {
        let opened = open(&path, &bar, since).map(|input| Source::new(input, Some(path.clone())));
        take(opened.map_err(|error| problem(&path, &error)))?;
    }
    bar.finish_and_clear();
    Ok(())
}

fn problem(path: &Path, error: &io::Error) -> String {
    format!(
        "{}: {error}",
        crate::terminal::printable(&path.to_string_lossy())
    )
}

/// The files that a path means: itself, or all files below a directory in the order of their names, which is that of time.
fn collect(path: &Path) -> io::Result<Vec<PathBuf>> {
    if path == Path::new("-") || !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            match entry.file_type()? {
                kind if kind.is_dir() => open.push(entry.path()),
                kind if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn open(path: &Path, bar: &ProgressBar, since: Instant) -> io::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let mut file = File::open(path)?;
    let mut magic = [0; 2];
    let packed = file.read(&mut magic)? == 2 && magic == [0x1f, 0x8b];
    // A pipe cannot go back to its beginning: what was read of it goes before the rest.
    let start: Box<dyn Read> = match file.rewind() {
        Ok(()) => Box::new(Watched {
            file,
            bar: bar.clone(),
            since,
        }),
        Err(_) => Box::new(io::Cursor::new(magic).chain(file)),
    };
    Ok(match packed {
        true => Box::new(MultiGzDecoder::new(start)),
        false => start,
    })
}

/// A file whose reading moves a progress bar, which appears when it has taken a while.
struct Watched {
    file: File,
    bar: ProgressBar,
    since: Instant,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.bar.inc(length as u64);
        if self.bar.is_hidden() && self.since.elapsed() >= SOON {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        Ok(length)
    }
}

/// A progress bar over all files, which nobody sees yet.
fn bar(files: &[PathBuf]) -> ProgressBar {
    let sizes = files.iter().filter_map(|path| fs::metadata(path).ok());
    let whole: u64 = sizes
        .filter(|about| about.is_file())
        .map(|about| about.len())
        .sum();
    let bar = ProgressBar::with_draw_target(Some(whole), ProgressDrawTarget::hidden());
    let style = ProgressStyle::with_template(
        "{wide_bar} {bytes} of {total_bytes}, {binary_bytes_per_sec}, {eta} left",
    );
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A file that is followed by its name.
struct Followed {
    path: PathBuf,
    /// The file of that name, and before it those that had the name and may still grow.
    open: Vec<Growing>,
}

struct Growing {
    file: File,
    read: u64,
    /// When it last grew.
    active: Instant,
}

impl Growing {
    fn new(file: File, read: u64) -> Growing {
        Growing {
            file,
            read,
            active: Instant::now(),
        }
    }
}

impl Followed {
    /// From its end on: what is there already is asked for without `-f`.
    fn open(path: &Path) -> io::Result<Followed> {
        let mut file = File::open(path)?;
        let end = file.seek(io::SeekFrom::End(0))?;
        Ok(Followed {
            path: path.to_owned(),
            open: vec![Growing::new(file, end)],
        })
    }

    /// What has come since the last look; nothing: 0.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.look();
        for growing in &mut self.open {
            let length = growing.file.read(buffer)?;
            if length > 0 {
                growing.read += length as u64;
                growing.active = Instant::now();
                return Ok(length);
            }
        }
        Ok(0)
    }

    /// Notices a new file under the name, and one that was emptied.
    fn look(&mut self) {
        let number = |about: &fs::Metadata| (about.dev(), about.ino());
        let current = self
            .open
            .last()
            .and_then(|growing| growing.file.metadata().ok());
        let named = fs::metadata(&self.path).ok();
        if let Some(named) = &named
            && current.as_ref().map(number) != Some(number(named))
            && let Ok(file) = File::open(&self.path)
        {
            self.open.push(Growing::new(file, 0));
        }
        for growing in &mut self.open {
            let length = growing
                .file
                .metadata()
                .map_or(growing.read, |about| about.len());
            if length < growing.read && growing.file.rewind().is_ok() {
                growing.read = 0;
            }
        }
        let count = self.open.len();
        let mut place = 0;
        self.open.retain(|growing| {
            place += 1;
            place == count || growing.active.elapsed() < LINGER
        });
    }
}

/// Files that are followed, as one input without an end.
struct Following {
    files: Vec<Followed>,
    next: usize,
}

impl Following {
    fn new(files: Vec<Followed>) -> Following {
        Following { files, next: 0 }
    }
}

impl Read for Following {
    /// Waits until there is something. Stays with a file as long as it has more, so that records are not mixed.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            for _ in 0..self.files.len() {
                let Some(file) = self.files.get_mut(self.next) else {
                    self.next = 0;
                    continue;
                };
                match file.read(buffer)? {
                    0 => self.next = (self.next + 1) % self.files.len().max(1),
                    length => return Ok(length),
                }
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// Where a concurrent log keeps its records.
pub struct Storage(Option<PathBuf>);

impl Storage {
    /// The directory that was named, or that of the index.
    pub fn of(named: Option<&Path>, index: &Source) -> Storage {
        Storage(named.or(index.directory()).map(Path::to_owned))
    }

    /// The record that a line of the index names. `None` where it is not there, or not what the line says it is.
    pub fn record(&self, line: &IndexLine) -> Option<Event> {
        let place = Path::new(&line.place);
        // The index is a file that others may write to as well.
        let inside = place
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        let path = self.0.as_ref()?.join(place);
        let file = File::open(path).ok().filter(|_| inside)?;
        let mut reader = Reader::new(BufReader::new(file.take(STORED)));
        let found = reader.next_found().ok()??;
        match Reading::from(&found) {
            Reading::Event(event) if event.id == line.event.id => Some(*event),
            _ => None,
        }
    }
}
