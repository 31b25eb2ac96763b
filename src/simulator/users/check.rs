//! Whose each file is, as the receiver tells it.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::device::Device;
use super::{Tally, UsersSettings};

/// Uploads in one page of the receiver's list: what it gives at most.
const PAGE: u32 = 200;

/// What the receiver was asked so far.
pub(super) struct Check<'a> {
    device: &'a Device,
    settings: &'a UsersSettings,
    /// Users of whom every upload is known.
    complete: HashSet<u32>,
    missing: Vec<(u32, String)>,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Upload>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Upload {
    file_id: String,
    user_id: Option<String>,
}

/// The files that each user uploaded.
type Made = HashMap<u32, Vec<String>>;

impl<'a> Check<'a> {
    pub fn new(device: &'a Device, settings: &'a UsersSettings) -> Self {
        Self {
            device,
            settings,
            complete: HashSet::new(),
            missing: Vec::new(),
        }
    }

    /// How many uploads are not their users' yet; asks only about users of whom some were missing before.
    pub async fn ask(&mut self, made: &Made) -> Result<u64, reqwest::Error> {
        self.missing.clear();
        for (user, files) in made {
            if self.complete.contains(user) {
                continue;
            }
            let listed = self.list(*user).await?;
            let is_missing = |file: &&String| !listed.contains_key(*file);
            let before = self.missing.len();
            let missing = files.iter().filter(is_missing);
            self.missing
                .extend(missing.map(|file| (*user, file.clone())));
            if self.missing.len() == before {
                self.complete.insert(*user);
            }
        }
        Ok(self.missing.len() as u64)
    }

    /// Asks about every user once more, and of each file that is not its user's whose it is.
    pub async fn tally(&self, made: &Made) -> Result<Tally, reqwest::Error> {
        let mut tally = Tally::default();
        for (user, files) in made {
            tally.made += files.len() as u64;
            let mut listed = self.list(*user).await?;
            for file in files {
                match listed.remove(file) {
                    Some(1) => tally.right += 1,
                    Some(_) => tally.doubled += 1,
                    None => match self.is_known(file).await? {
                        true => tally.wrong += 1,
                        false => tally.missing += 1,
                    },
                }
            }
        }
        Ok(tally)
    }

    /// The files of one user, and how often each is listed.
    async fn list(&self, user: u32) -> Result<HashMap<String, u32>, reqwest::Error> {
        let user_id = self.device.user_id(user);
        let mut listed = HashMap::new();
        let mut cursor = None;
        loop {
            let page = self
                .page(&[("user_id", &user_id)], cursor.as_deref())
                .await?;
            for upload in page.items {
                if upload.user_id.as_deref() == Some(&user_id) {
                    *listed.entry(upload.file_id).or_default() += 1;
                }
            }
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(listed),
            }
        }
    }

    async fn is_known(&self, file_id: &str) -> Result<bool, reqwest::Error> {
        let page = self.page(&[("file_id", file_id)], None).await?;
        Ok(!page.items.is_empty())
    }

    async fn page(
        &self,
        filter: &[(&str, &str)],
        cursor: Option<&str>,
    ) -> Result<Page, reqwest::Error> {
        let settings = self.settings;
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .extend_pairs(filter)
            .append_pair("limit", &PAGE.to_string());
        for (name, value) in [("app", settings.app.as_deref()), ("cursor", cursor)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        self.device
            .client
            .get(format!(
                "{}/v1/uploads?{}",
                settings.receiver,
                query.finish()
            ))
            .bearer_auth(settings.api_key.expose())
            .send()
            .await?
            .error_for_status()?
            .json()
            .await
    }
}
