"""Load the images, audit them, split them into training, validation and test, and write them for the other stages."""

from pipeline.config.schedule import most_replicates
from pipeline.config.schema import AuditConfig, AutoConfig, DataConfig, Replicates, SplitConfig
from pipeline.console import say
from pipeline.data.audit import stop_on
from pipeline.data.audit.findings_file import write_findings
from pipeline.data.labelling import listed
from pipeline.data.prepare import prepare
from pipeline.data.prepared import read_prepared
from pipeline.data.watching import check_apart, linked_folders, watch, watched_paths
from pipeline.reporting import page
from pipeline.reporting.audit_page import audit_document, conclusion
from pipeline.storage.files import replacing
from pipeline.storage.folders import AUDIT, AUDIT_PAGE, PREPARED, TEST_SETS, WATCHED


def main(data: DataConfig, split: SplitConfig, audit: AuditConfig, replicates: Replicates, auto: AutoConfig) -> None:
    """Prepare the images of the comparison; with `replicates: auto`, with splits for the greatest number."""
    check_apart(watched_paths(data.source, data.options).values())
    count = most_replicates(replicates, auto, split)
    test_set = TEST_SETS / f"{data.name}-{split.name}.json"
    findings = prepare(PREPARED, data, split, replicates=count, test_set=test_set, settings=audit, report=say)
    write_findings(AUDIT, findings)
    prepared = read_prepared(PREPARED)
    with replacing(AUDIT_PAGE) as unfinished:
        unfinished.write_text(page.html(audit_document(findings, prepared)), encoding="utf-8")
    say(f"Audit: {conclusion(findings)} See {AUDIT_PAGE}.")
    links = linked_folders(data.source, data.options)
    if links:
        say(
            f"Note: DVC does not detect changes in the linked folders {listed(links)}. After a change there, run "
            "`dvc repro --force prepare`."
        )
    if watch(data.source, data.options):
        say(
            f"Written: {WATCHED}, with the paths of the images of `data: {data.name}`. DVC detects changes there from "
            "its next run on."
        )
    stop_on(findings, prepared.names, page=AUDIT_PAGE)
