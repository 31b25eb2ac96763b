//! The one table of every setting: its names, its default and the reason for it.
//!
//! From it come the check for unknown keys, the rule that a fault quotes, the example file and the
//! reference in the README. A setting that is not here does not exist, and one that is here works.

/// The file that is read from the working directory when no other is named.
pub const DEFAULT_FILE: &str = "vod-receiver.toml";

/// The variable that names the file; a flag `--config` goes before it.
pub const CONFIG_VARIABLE: &str = "VOD_RECEIVER_CONFIG";

/// Variables with this prefix are ours alone, so an unknown one is a mistake.
pub const OWN_PREFIX: &str = "VOD_RECEIVER_";

/// The key of the array of tables with one table per app.
pub const APP_TABLES: &str = "app";

/// The shortest API key and callback token that is accepted.
///
/// 24 characters are 120 bits even in base32: beyond guessing, however fast one may ask.
pub const SHORTEST_TOKEN_CHARS: usize = 24;

/// One setting, as people write it and as the documentation tells it.
pub struct Setting {
    /// Its key in the file.
    pub key: &'static str,
    /// Its name in the environment; only an app's `name` has none.
    pub variable: Option<&'static str>,
    /// How it is written in the file.
    pub kind: Kind,
    /// Whether it must not be printed, and may come from a file of its own instead.
    pub secret: bool,
    /// What it is when nobody sets it.
    pub default: Preset,
    /// A value to show, as TOML; for a secret the path of its file, so no example is ever in use.
    pub example: &'static str,
    /// What a value has to be: completes "`key` must be ...".
    pub wanted: &'static str,
    /// What it does and why its default is what it is.
    pub doc: &'static str,
}

/// How a setting is written in TOML.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A quoted string.
    Text,
    /// A number.
    Whole,
    /// `true` or `false`.
    Flag,
    /// A string with commas, or an array of strings.
    List,
    /// A string, or an array of strings; in a variable one a line, since any of them may hold a comma.
    Lines,
}

/// What a setting is when nobody sets it.
#[derive(Clone, Copy)]
pub enum Preset {
    /// It has to be set.
    Required,
    /// It stays unset.
    Unset,
    /// This text, read as if it had been written.
    Value(&'static str),
    /// Unset here; the command decides, and usually so.
    Usually(&'static str),
}

impl Setting {
    /// The key that names a file with the value.
    pub fn file_key(&self) -> String {
        format!("{}_file", self.key)
    }
}

/// Where the service listens.
pub const LISTEN: Setting = Setting {
    key: "listen",
    variable: Some("VOD_RECEIVER_LISTEN"),
    kind: Kind::Text,
    secret: false,
    default: Preset::Value("127.0.0.1:8080"),
    example: r#""127.0.0.1:8080""#,
    wanted: "an IP address and a port, such as 127.0.0.1:8080",
    doc: "Where the service listens. By default only this machine can reach it: put a proxy that \
          speaks TLS in front, or say 0.0.0.0:8080 in a container.",
};

/// Where the metrics are told.
pub const METRICS_LISTEN: Setting = Setting {
    key: "metrics_listen",
    variable: Some("VOD_RECEIVER_METRICS_LISTEN"),
    kind: Kind::Text,
    secret: false,
    default: Preset::Unset,
    example: r#""127.0.0.1:9090""#,
    wanted: "an IP address and a port, such as 127.0.0.1:9090",
    doc: "Where `/metrics` is served instead of at `listen`, for a network that callers do not reach. \
          Unset by default: it is served beside the rest, needs no key and holds no secret.",
};

/// Where VOD reaches the service.
pub const PUBLIC_URL: Setting = Setting {
    key: "public_url",
    variable: Some("VOD_RECEIVER_PUBLIC_URL"),
    kind: Kind::Text,
    secret: false,
    default: Preset::Unset,
    example: r#""https://vod.example.com""#,
    wanted: "an http:// or https:// address without a query, such as https://vod.example.com",
    doc: "Where VOD reaches this service from outside: the callback addresses are \
          /callbacks/{app}/{token} below it. Only `doctor` needs it, which compares it with what is \
          set at VOD, calls it, and sets it at VOD with `--fix`. Unset by default: only you know what \
          your proxy is called.",
};

/// Where files are kept.
pub const DATA_DIR: Setting = Setting {
    key: "data_dir",
    variable: Some("VOD_RECEIVER_DATA_DIR"),
    kind: Kind::Text,
    secret: false,
    default: Preset::Usually("./data"),
    example: r#""/var/lib/vod-receiver""#,
    wanted: "the path of a directory",
    doc: "Directory of the spool, where notifications wait while Postgres is away, and of the try-out \
          database and its keys. Give each receiver its own, on a disk that outlives the container. By \
          default below the working directory, so that a first run needs no rights; for root \
          /var/lib/vod-receiver, since Postgres does not run as root and cannot enter root's home.",
};

/// How large the spool may grow.
pub const SPOOL_MAX_MB: Setting = Setting {
    key: "spool_max_mb",
    variable: Some("VOD_RECEIVER_SPOOL_MAX_MB"),
    kind: Kind::Whole,
    secret: false,
    default: Preset::Value("4096"),
    example: "4096",
    wanted: "a number of megabytes, 1 to 1000000",
    doc: "How much the spool may hold, in megabytes; what does not fit is held for 6 s and refused \
          with 503. 4096 is more than an hour of Postgres away at 500 notifications a second.",
};

/// How long deliveries are kept.
pub const KEEP_DELIVERIES_DAYS: Setting = Setting {
    key: "keep_deliveries_days",
    variable: Some("VOD_RECEIVER_KEEP_DELIVERIES_DAYS"),
    kind: Kind::Whole,
    secret: false,
    default: Preset::Unset,
    example: "400",
    wanted: "a number of days, 31 to 36500",
    doc: "After how many days deliveries go, whole months at a time: what was received can then no longer be \
          shown or replayed; uploads and counts stay. Unset by default: they are kept.",
};

/// How long the log of signatures is kept.
pub const KEEP_ISSUES_DAYS: Setting = Setting {
    key: "keep_issues_days",
    variable: Some("VOD_RECEIVER_KEEP_ISSUES_DAYS"),
    kind: Kind::Whole,
    secret: false,
    default: Preset::Unset,
    example: "400",
    wanted: "a number of days, 120 to 36500",
    doc: "After how many days the log of signatures goes, whole months at a time; tickets, uploads and counts \
          stay. Not under 120, since a signature may be good for 90. Unset by default: it is kept.",
};

/// Whether the spool may lie where nothing lasts.
pub const ALLOW_VOLATILE_SPOOL: Setting = Setting {
    key: "allow_volatile_spool",
    variable: Some("VOD_RECEIVER_ALLOW_VOLATILE_SPOOL"),
    kind: Kind::Flag,
    secret: false,
    default: Preset::Value("false"),
    example: "false",
    wanted: "true or false",
    doc: "Whether the spool may lie on overlayfs or tmpfs, which are gone with the container or the \
          machine. `false`, because a notification that was answered `spooled` has to be there after \
          any crash.",
};

/// The database.
pub const DATABASE_URL: Setting = Setting {
    key: "database_url",
    variable: Some("DATABASE_URL"),
    kind: Kind::Text,
    secret: true,
    default: Preset::Unset,
    example: r#""/run/secrets/database_url""#,
    wanted: "a Postgres address that begins with postgres:// or postgresql://, without spaces",
    doc: "The Postgres database that everything is recorded in. No default, so that nothing is \
          ever written to a database that nobody chose.",
};

/// The API key for containers.
pub const ADMIN_KEY: Setting = Setting {
    key: "admin_key",
    variable: Some("VOD_RECEIVER_ADMIN_KEY"),
    kind: Kind::Text,
    secret: true,
    default: Preset::Unset,
    example: r#""/run/secrets/admin_key""#,
    wanted: "at least 24 visible ASCII characters without spaces",
    doc: "An API key with every scope, for containers in which nobody can run `keys create`. \
          Unset by default, since keys made by that command are stored hashed and can be revoked.",
};

/// The log filter.
pub const LOG: Setting = Setting {
    key: "log",
    variable: Some("VOD_RECEIVER_LOG"),
    kind: Kind::Text,
    secret: false,
    default: Preset::Value("info"),
    example: r#""info""#,
    wanted: "a log filter, such as info or info,vod_receiver=debug",
    doc: "Which log lines are written: a level, or levels by module as in \
          `info,vod_receiver=debug`. `info` tells what an operator acts on; `debug` is for a fault \
          being looked into.",
};

/// The log format.
pub const LOG_FORMAT: Setting = Setting {
    key: "log_format",
    variable: Some("VOD_RECEIVER_LOG_FORMAT"),
    kind: Kind::Text,
    secret: false,
    default: Preset::Value("text"),
    example: r#""text""#,
    wanted: "text or json",
    doc: "`text` for people, `json` for a log collector. `text` by default, since the first reader \
          sits at a terminal.",
};

/// The name of an app.
pub const NAME: Setting = Setting {
    key: "name",
    variable: None,
    kind: Kind::Text,
    secret: false,
    default: Preset::Usually("main"),
    example: r#""main""#,
    wanted: "1 to 32 of a-z, 0-9, - and _, with a letter or a digit first",
    doc: "What this app is called, in its callback address too. The first table is `main` unless \
          it says otherwise, and so is the app that the environment describes; every further \
          table needs a name.",
};

/// The id of the key pair at Tencent Cloud.
pub const SECRET_ID: Setting = Setting {
    key: "secret_id",
    variable: Some("VOD_SECRET_ID"),
    kind: Kind::Text,
    secret: false,
    default: Preset::Required,
    example: r#""the SecretId from the console""#,
    wanted: "the SecretId of a Tencent Cloud API key, visible ASCII characters without spaces",
    doc: "The SecretId of the Tencent Cloud API key that signs uploads. Required: without it there \
          is nothing to sign with.",
};

/// The key itself.
pub const SECRET_KEY: Setting = Setting {
    key: "secret_key",
    variable: Some("VOD_SECRET_KEY"),
    kind: Kind::Text,
    secret: true,
    default: Preset::Required,
    example: r#""/run/secrets/vod_secret_key""#,
    wanted: "the SecretKey of a Tencent Cloud API key, visible ASCII characters without spaces",
    doc: "The SecretKey that belongs to `secret_id`. Required with it.",
};

/// What a temporary key comes with.
pub const SECRET_TOKEN: Setting = Setting {
    key: "secret_token",
    variable: Some("VOD_SECRET_TOKEN"),
    kind: Kind::Text,
    secret: true,
    default: Preset::Unset,
    example: r#""/run/secrets/vod_secret_token""#,
    wanted: "the token of a temporary Tencent Cloud API key, visible ASCII characters without spaces",
    doc: "The token of a temporary key, without which VOD's API does not take it. Unset for a lasting \
          key. It is read at start, so the service has to be restarted before the key expires.",
};

/// Which VOD application.
pub const SUB_APP_ID: Setting = Setting {
    key: "sub_app_id",
    variable: Some("VOD_SUB_APP_ID"),
    kind: Kind::Whole,
    secret: false,
    default: Preset::Unset,
    example: "1500000001",
    wanted: "the number of a VOD application, digits only",
    doc: "The SubAppId of the VOD application. Unset means the account's main application; \
          customers who opened VOD on or after 2023-12-25 have to set it.",
};

/// How the app's events come.
pub const EVENTS: Setting = Setting {
    key: "events",
    variable: Some("VOD_EVENTS"),
    kind: Kind::Text,
    secret: false,
    default: Preset::Value("push"),
    example: r#""push""#,
    wanted: "push or pull",
    doc: "How VOD tells this app's events: `push` posts them to the callback address; `pull` keeps them \
          in a queue that is asked here, which needs no address, no `sign_key` and no `callback_token`, \
          and loses nothing within 4 days. `push`, because that is what VOD does until told otherwise; \
          set what is set at VOD.",
};

/// How often VOD is asked what it holds.
pub const RECONCILE_EVERY: Setting = Setting {
    key: "reconcile_every",
    variable: Some("VOD_RECONCILE_EVERY"),
    kind: Kind::Text,
    secret: false,
    default: Preset::Unset,
    example: r#""1h""#,
    wanted: "a time of 5m to 7d, in minutes, hours or days: 30m, 1h, 1d",
    doc: "How often `serve` asks VOD which files it created since the last time, and records what no \
          notification told, as the command `reconcile` does; of several receivers one at a time. Unset \
          by default, since the API key has to be allowed to read media and tasks.",
};

/// Where VOD's API is.
pub const API_ENDPOINT: Setting = Setting {
    key: "api_endpoint",
    variable: Some("VOD_API_ENDPOINT"),
    kind: Kind::Text,
    secret: false,
    default: Preset::Value("https://vod.tencentcloudapi.com"),
    example: r#""https://vod.intl.tencentcloudapi.com""#,
    wanted: "an http:// or https:// address without a path, such as https://vod.tencentcloudapi.com",
    doc: "Where VOD's API is asked. By default the address of accounts in mainland China; accounts of \
          the international site use https://vod.intl.tencentcloudapi.com.",
};

/// What VOD signs notifications with.
pub const SIGN_KEY: Setting = Setting {
    key: "sign_key",
    variable: Some("VOD_SIGN_KEY"),
    kind: Kind::List,
    secret: true,
    default: Preset::Unset,
    example: r#""/run/secrets/vod_sign_key""#,
    wanted: "one or several SignKeys with commas between them, each 1 to 32 letters and digits",
    doc: "The SignKey set at VOD, with which it signs each notification; several while one \
          replaces another. Where events are pushed, set it, `callback_token` or both: what is set is \
          required of every notification. Unset by default, because VOD signs nothing until told to.",
};

/// What the callback address ends in.
pub const CALLBACK_TOKEN: Setting = Setting {
    key: "callback_token",
    variable: Some("VOD_CALLBACK_TOKEN"),
    kind: Kind::List,
    secret: true,
    default: Preset::Unset,
    example: r#""/run/secrets/vod_callback_token""#,
    wanted: "one or several tokens with commas between them, each at least 24 characters of A-Z, \
             a-z, 0-9, - _ . and ~",
    doc: "The secret last part of the callback address, /callbacks/{app}/{token}; several while \
          one replaces another. `openssl rand -hex 32` makes one. No default, since a token that \
          others can read is none.",
};

/// Whether the old format may come unsigned.
pub const UNSIGNED_V2: Setting = Setting {
    key: "unsigned_v2",
    variable: Some("VOD_UNSIGNED_V2"),
    kind: Kind::Flag,
    secret: false,
    default: Preset::Value("false"),
    example: "false",
    wanted: "true or false",
    doc: "Whether a notification in format 2.0, which VOD is not documented to sign, passes by its \
          token alone although a SignKey is set. `false`, because otherwise whoever knows the \
          token could choose the old format and make the SignKey worthless.",
};

/// Whether anybody may notify.
pub const ALLOW_UNAUTHENTICATED_CALLBACKS: Setting = Setting {
    key: "allow_unauthenticated_callbacks",
    variable: Some("VOD_ALLOW_UNAUTHENTICATED_CALLBACKS"),
    kind: Kind::Flag,
    secret: false,
    default: Preset::Value("false"),
    example: "false",
    wanted: "true or false",
    doc: "Whether an app with neither SignKey nor token takes notifications. `false`, because then \
          anybody who can reach the callback address can invent uploads.",
};

/// Who a context of the app's own names.
pub const RESOLVERS: Setting = Setting {
    key: "resolvers",
    variable: Some("VOD_RESOLVERS"),
    kind: Kind::Lines,
    secret: false,
    default: Preset::Unset,
    example: r#"["json:/uid", "regex:^uid=(?<user>[0-9]+)$", "text"]"#,
    wanted: "up to 8 of `text`, `json:` and a JSON pointer such as json:/uid, and `regex:` and a regular \
             expression with a group named user",
    doc: "How the user is read from a context that is not a ticket but the app's own text; in a variable \
          one a line. `text`: the context is the user id; `json:/uid`: the string or whole number at that JSON \
          pointer; `regex:...`: the group named `user` of the first match, anywhere unless it is anchored by `^` \
          and `$`. The first that finds a user id decides, in SourceContext before SessionContext; a ticket \
          goes before all of them. Unset by default: who signs uploads elsewhere decides what the context \
          says. After a change, `vod-receiver reattribute` takes it to the uploads that are there.",
};

/// The settings of the service, in the order in which they are told.
pub const SERVICE: [&Setting; 12] = [
    &LISTEN,
    &METRICS_LISTEN,
    &PUBLIC_URL,
    &DATA_DIR,
    &SPOOL_MAX_MB,
    &KEEP_DELIVERIES_DAYS,
    &KEEP_ISSUES_DAYS,
    &ALLOW_VOLATILE_SPOOL,
    &DATABASE_URL,
    &ADMIN_KEY,
    &LOG,
    &LOG_FORMAT,
];

/// The settings of one app, in the order in which they are told.
pub const APP: [&Setting; 13] = [
    &NAME,
    &SECRET_ID,
    &SECRET_KEY,
    &SECRET_TOKEN,
    &SUB_APP_ID,
    &API_ENDPOINT,
    &EVENTS,
    &RECONCILE_EVERY,
    &SIGN_KEY,
    &CALLBACK_TOKEN,
    &UNSIGNED_V2,
    &ALLOW_UNAUTHENTICATED_CALLBACKS,
    &RESOLVERS,
];
