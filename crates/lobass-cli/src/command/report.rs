//! `lobass report`.

use anyhow::bail;
use lobass::page::{PageJob, TableModels};
use lobass::settings::{ComputeSettings, SelectSettings};

use crate::args::ReportArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

/// The default of `--budget`.
const DEFAULT_BUDGET: &str = "10%";

pub(crate) fn report(args: &ReportArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut select = SelectSettings::default();
    args.selection.apply(&mut select);
    if select.min_rating.is_none() {
        select.budget.get_or_insert_with(|| DEFAULT_BUDGET.to_owned());
    }
    if args.strategy.is_empty() && select.direction.is_some() {
        bail!("`--ascending` and `--descending` apply to named strategies; name them with `--strategy`")
    }
    let mut compute = ComputeSettings::default();
    args.compute.apply(&mut compute);
    let models = TableModels {
        base: args.base.as_deref(),
        references: &args.reference,
        adapter: args.adapter.as_deref(),
        chat_template: args.chat_template.as_deref(),
        compute,
    };
    if let Some(flag) = args.compute.given().filter(|_| !models.has_tuned()) {
        bail!("`{flag}` only applies to the models of `--base` with `--reference` or `--adapter`")
    }
    let job = PageJob {
        scores: &args.scores,
        data: &args.data,
        strategies: &args.strategy,
        select: &select,
        n_examples: args.examples.into(),
        regions: &args.regions,
        against: &args.against,
        models,
        out: &args.out,
    };
    let page = job.run(ui.runtime())?;
    ui.result(&page, &page)?;
    Ok(Outcome::Done)
}
