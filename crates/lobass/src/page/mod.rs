//! The report page of a score table: the selections of strategies, and example rows.

mod body;
mod commands;
mod heat;
mod models;
mod of_run;
mod of_table;
mod request;
mod shown;
mod table_command;

pub use models::TableModels;
pub(crate) use of_run::RunPage;
pub use of_table::PageJob;
pub(crate) use request::PageRequest;
pub use request::{DEFAULT_STRATEGIES, PageReport};
