//! What was sent, and what the receiver said of it: the acknowledgements that Postgres is held to in the end.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a body.
pub type Digest = [u8; 32];

/// A notification to be sent, perhaps several times.
#[derive(Clone)]
pub struct Body {
    pub bytes: Bytes,
    pub digest: Digest,
    pub says: Says,
}

impl Body {
    /// A body with its digest.
    pub fn new(bytes: Vec<u8>, says: Says) -> Self {
        let digest = Sha256::digest(&bytes).into();
        Self {
            bytes: bytes.into(),
            digest,
            says,
        }
    }
}

/// What a notification says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// A file was uploaded with the ticket of this user.
    Uploaded { file: u64, user: usize },
    /// The task of a file has ended.
    Processed { file: u64 },
    /// Files are gone.
    Deleted { files: Vec<u64> },
}

impl Says {
    /// The files that it names.
    pub fn files(&self) -> &[u64] {
        match self {
            Self::Uploaded { file, .. } | Self::Processed { file } => std::slice::from_ref(file),
            Self::Deleted { files } => files,
        }
    }
}

/// The fate of one body.
pub struct Entry {
    pub says: Says,
    /// How often it was sent; each time it may have been taken.
    pub attempts: u32,
    /// How often the answer was 200.
    pub acknowledged: u32,
}

/// How often each answer came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub recorded: u64,
    pub duplicate: u64,
    pub spooled: u64,
    pub unavailable: u64,
    /// The connection broke: not acknowledged, perhaps taken.
    pub unanswered: u64,
}

impl Tally {
    /// Answered 200.
    pub fn acknowledged(&self) -> u64 {
        self.recorded + self.duplicate + self.spooled
    }

    /// What came since an earlier one.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            recorded: self.recorded - earlier.recorded,
            duplicate: self.duplicate - earlier.duplicate,
            spooled: self.spooled - earlier.spooled,
            unavailable: self.unavailable - earlier.unavailable,
            unanswered: self.unanswered - earlier.unanswered,
        }
    }

    /// Both together.
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            recorded: self.recorded + other.recorded,
            duplicate: self.duplicate + other.duplicate,
            spooled: self.spooled + other.spooled,
            unavailable: self.unavailable + other.unavailable,
            unanswered: self.unanswered + other.unanswered,
        }
    }
}

/// A signature that was given out.
pub struct Issued {
    pub ticket: String,
    pub issue_id: String,
    pub user: usize,
}

/// Everything that was acknowledged.
#[derive(Default)]
pub struct Ledger(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    bodies: HashMap<Digest, Entry>,
    issued: Vec<Issued>,
    tally: Tally,
    refused_at_once: u64,
    faults: Vec<String>,
}

impl Ledger {
    /// Notes that a body is being sent.
    pub fn attempt(&self, body: &Body) {
        let mut pages = self.0.lock().unwrap();
        let entry = pages.bodies.entry(body.digest).or_insert_with(|| Entry {
            says: body.says.clone(),
            attempts: 0,
            acknowledged: 0,
        });
        entry.attempts += 1;
    }

    /// Takes back an attempt that reached nobody.
    pub fn never_sent(&self, body: &Body) {
        let mut pages = self.0.lock().unwrap();
        pages.bodies.get_mut(&body.digest).unwrap().attempts -= 1;
    }

    /// Notes a 200.
    pub fn acknowledge(&self, body: &Body, status: &str) {
        let mut pages = self.0.lock().unwrap();
        match status {
            "recorded" => pages.tally.recorded += 1,
            "duplicate" => pages.tally.duplicate += 1,
            "spooled" => pages.tally.spooled += 1,
            other => pages.faults.push(format!("a 200 says `{other}`")),
        }
        pages.bodies.get_mut(&body.digest).unwrap().acknowledged += 1;
    }

    /// Notes a 503, after a hold or at once.
    pub fn unavailable(&self, held: bool) {
        let mut pages = self.0.lock().unwrap();
        pages.tally.unavailable += 1;
        pages.refused_at_once += u64::from(!held);
    }

    /// How many of the 503s came before VOD gave up.
    pub fn refused_at_once(&self) -> u64 {
        self.0.lock().unwrap().refused_at_once
    }

    /// Notes a connection that broke before the answer.
    pub fn unanswered(&self) {
        self.0.lock().unwrap().tally.unanswered += 1;
    }

    /// Notes a signature that was given out.
    pub fn issued(&self, issued: Issued) {
        self.0.lock().unwrap().issued.push(issued);
    }

    /// Notes what must not be, in a sentence.
    pub fn fault(&self, fault: String) {
        eprintln!("VIOLATION: {fault}");
        self.0.lock().unwrap().faults.push(fault);
    }

    /// How often each answer came so far.
    pub fn tally(&self) -> Tally {
        self.0.lock().unwrap().tally
    }

    /// All bodies, all signatures and all faults; for when nothing is sent any more.
    pub fn close(&self) -> (HashMap<Digest, Entry>, Vec<Issued>, Vec<String>) {
        let pages = std::mem::take(&mut *self.0.lock().unwrap());
        (pages.bodies, pages.issued, pages.faults)
    }
}
