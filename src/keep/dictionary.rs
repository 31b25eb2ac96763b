//! The data dictionary: what the database itself says of the views for analysts.

use std::fmt::Write as _;

use super::sql;
use crate::ops::database::Database;

/// A column of a view in schema `analyst`, in the order in which they are told.
pub struct Column {
    pub view: String,
    /// What the view says of itself.
    pub view_comment: String,
    pub name: String,
    pub data_type: String,
    pub comment: String,
}

/// The dictionary as Markdown, for docs/data-dictionary.md.
pub async fn markdown(database: &Database) -> Result<String, sqlx::Error> {
    let mut connection = database.unmigrated().acquire().await?;
    let columns = sql::analyst_columns(&mut connection).await?;
    let mut text = String::from(
        "# Data dictionary\n\n\
        Written by `vod-receiver dictionary` from the comments in the database; a test holds it to them. In psql: \
        `\\dv+ analyst.*`, `\\d+ analyst.uploads`. How to ask: [analysts.md](analysts.md), in Chinese \
        [analysts.zh-CN.md](analysts.zh-CN.md).\n",
    );
    let mut view = String::new();
    for column in columns {
        if column.view != view {
            view.clone_from(&column.view);
            let comment = &column.view_comment;
            let _ = write!(
                text,
                "\n## analyst.{view}\n\n{comment}\n\n| column | type | |\n| --- | --- | --- |\n"
            );
        }
        let (name, data_type) = (&column.name, &column.data_type);
        let comment = column.comment.replace('|', "\\|");
        let _ = writeln!(text, "| `{name}` | {data_type} | {comment} |");
    }
    Ok(text)
}
