//! The notifications: uploads of several users, and sent again, processed and deleted what was uploaded before.

use serde_json::json;
use vod_receiver::vod::sample::SampleUpload;

use crate::ledger::{Body, Issued, Says};
use crate::templates::{Random, Templates};

/// So many of its last uploads a connection sends again, lets process and deletes.
const REMEMBERED: usize = 64;

/// Those who upload: each with several tickets, named by the uploads in turn.
pub struct Users {
    templates: Templates,
    /// Whose the ticket is that a template names.
    of_template: Vec<usize>,
}

impl Users {
    pub const COUNT: usize = 8;

    /// The user with this number, as the API names it.
    pub fn name(number: usize) -> String {
        format!("user-{number}")
    }

    /// The users of these tickets.
    pub fn of(issued: &[Issued]) -> Self {
        let mut of_template = Vec::new();
        let templates = Templates::naming(|number, _| {
            let issued = &issued[number % issued.len()];
            of_template.push(issued.user);
            issued.ticket.clone()
        });
        Self {
            templates,
            of_template,
        }
    }

    /// A new upload of one of them.
    pub fn upload(&self, random: &mut Random) -> Body {
        let (template, file, bytes) = self.templates.body(random);
        let user = self.of_template[template];
        Body::new(bytes, Says::Uploaded { file, user })
    }

    /// A new upload with a ticket of its own.
    pub fn upload_with(&self, issued: &Issued, random: &mut Random) -> Body {
        let (_, file, _) = self.templates.body(random);
        let bytes = sample(file, &issued.ticket).new_file_upload().to_string();
        let user = issued.user;
        Body::new(bytes.into_bytes(), Says::Uploaded { file, user })
    }
}

/// What one connection has sent.
#[derive(Default)]
pub struct History {
    uploads: Vec<Body>,
    next: usize,
}

impl History {
    /// What it sends next: mostly a new upload, sometimes an old one again, its task, its deletion.
    pub fn next(&mut self, users: &Users, random: &mut Random) -> Body {
        let old = (!self.uploads.is_empty())
            .then(|| &self.uploads[random.next() as usize % self.uploads.len()]);
        match (random.next() % 100, old) {
            (0..12, Some(old)) => old.clone(),
            (12..16, Some(old)) => processed(old.says.files()[0]),
            (16..18, Some(old)) => deleted(old, &self.uploads[0]),
            _ => {
                let body = users.upload(random);
                self.remember(body.clone());
                body
            }
        }
    }

    fn remember(&mut self, body: Body) {
        if self.uploads.len() < REMEMBERED {
            self.uploads.push(body);
        } else {
            self.uploads[self.next % REMEMBERED] = body;
        }
        self.next += 1;
    }
}

fn processed(file: u64) -> Body {
    let event = sample(file, "").procedure_finished().to_string();
    Body::new(event.into_bytes(), Says::Processed { file })
}

/// A deletion of one file, or of two.
fn deleted(one: &Body, other: &Body) -> Body {
    let mut files = vec![one.says.files()[0], other.says.files()[0]];
    files.dedup();
    let names: Vec<String> = files.iter().map(u64::to_string).collect();
    let event = json!({"EventType": "FileDeleted", "FileDeleteEvent": {"FileIdSet": names}});
    Body::new(event.to_string().into_bytes(), Says::Deleted { files })
}

fn sample(file: u64, ticket: &str) -> SampleUpload {
    SampleUpload {
        file_id: file.to_string(),
        name: "holiday".to_owned(),
        source_context: ticket.to_owned(),
        session_context: String::new(),
        procedure_task_id: format!("1256768367-procedurev2-{file}"),
        sub_app_id: 1_256_768_367,
        at: chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap(),
    }
}
