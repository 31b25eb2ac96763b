//! Rows as the arrays that `write_new.sql` and `write.sql` unnest, one array a column; and as `COPY` takes them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A value of a column.
pub(super) trait Cell {
    fn is_null(&self) -> bool {
        false
    }
}

impl<T> Cell for Option<T> {
    fn is_null(&self) -> bool {
        self.is_none()
    }
}

macro_rules! never_null {
    ($($type:ty),+) => { $(impl Cell for $type {})+ };
}

never_null!(
    bool,
    i16,
    i32,
    i64,
    &str,
    &[u8],
    String,
    Uuid,
    DateTime<Utc>
);

/// A row with named columns, and the arrays that many of them make; one that is NULL in every row is left empty.
macro_rules! columns {
    ($(#[$doc:meta])* $row:ident => $columns:ident { $($column:ident: $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        pub struct $row<'a> { $(pub $column: $type),+ }

        pub struct $columns<'a> { $(pub $column: Vec<$type>),+ }

        impl $crate::ops::copy::Cells for $row<'_> {
            const COUNT: usize = [$(stringify!($column)),+].len();

            fn put_all(&self, out: &mut Vec<u8>) {
                $($crate::ops::copy::cell(out, &self.$column);)+
            }
        }

        impl<'a> FromIterator<$row<'a>> for $columns<'a> {
            fn from_iter<I: IntoIterator<Item = $row<'a>>>(rows: I) -> Self {
                let rows = rows.into_iter();
                let at_most = rows.size_hint().1.unwrap_or(0);
                let mut columns = Self { $($column: Vec::with_capacity(at_most)),+ };
                for row in rows {
                    $(columns.$column.push(row.$column);)+
                }
                $(if columns.$column.iter().all($crate::record::columns::Cell::is_null) {
                    columns.$column.clear();
                })+
                columns
            }
        }
    };
}

pub(super) use columns;
