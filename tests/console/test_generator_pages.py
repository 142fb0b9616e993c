"""The code generator's pages: describe a table or import one, look at the code, take it away."""

import zipfile

import pytest
from playwright.async_api import expect
from sqlalchemy import text

from tests.api.test_generator import noun

pytestmark = pytest.mark.browser


@pytest.fixture
async def live_table(database):
    """A table that somebody else made."""
    name = f"{noun()}_items"
    async with database.transaction() as session:
        await session.execute(
            text(f"CREATE TABLE {name} (id serial PRIMARY KEY, code varchar(12) NOT NULL, note text)")
        )
    yield name
    async with database.transaction() as session:
        await session.execute(text(f"DROP TABLE {name}"))


async def test_a_table_is_described_its_code_read_and_taken_away_and_forgotten(visit, tmp_path):
    table = noun()
    one = await (await visit()).enter("#/gen/business/edit")
    await one.page.get_by_label("Table").fill(table)
    await one.page.get_by_label("What one row is called").fill(f"{table}_row")
    await one.page.get_by_label("App").fill("shop")
    await one.page.get_by_label("Name", exact=True).fill("Not a name")
    await one.click("Save")
    await expect(one.page.get_by_role("alert").filter(has_text="lower snake case")).to_be_visible()
    await one.page.get_by_label("Name", exact=True).fill("label")
    await one.click("Add a column")
    await one.page.get_by_label("Name", exact=True).last.fill("total")
    await one.page.get_by_label("Type").last.select_option("numeric")
    await expect(one.page.get_by_label("Length").last).to_be_hidden()
    await one.page.get_by_label("Precision").last.fill("12")
    await one.page.get_by_label("Scale").last.fill("2")
    await one.page.get_by_label("Default").last.fill('"0.00"')
    await one.click("Save")
    model = one.page.locator("details").filter(has_text=f"db/tables/{table}.py")
    await model.locator("summary").click()
    await expect(model.locator("pre")).to_contain_text("Numeric(12, 2)")
    async with one.page.expect_download() as started:
        await one.click("Download")
    archive = tmp_path / "code.zip"
    await (await started.value).save_as(archive)
    assert f"agents_backend/db/tables/{table}.py" in zipfile.ZipFile(archive).namelist()
    await one.page.get_by_role("link", name="Change").click()
    await one.page.get_by_label("Comment").first.fill("<b>What is owed.</b>")
    await one.click("Save")
    await expect(one.page.get_by_role("heading", name=f"Code for {table}")).to_be_visible()
    await one.open(f"#/gen/business?table_name={table}")
    await expect(one.row(table)).to_contain_text("<b>What is owed.</b>")
    await one.click(f"Delete {table}")
    await one.answer("Delete")
    await expect(one.page.get_by_text("No tables are described yet.")).to_be_visible()


async def test_a_table_of_the_database_is_imported_with_its_columns(visit, live_table):
    one = await (await visit()).enter("#/gen/business")
    await one.click("Import a table…")
    await one.dialog.get_by_label("Table").select_option(live_table)
    await one.dialog.get_by_label("App").fill("shop")
    await one.answer("Import")
    await expect(one.page.get_by_role("heading", name=f"Change {live_table}")).to_be_visible()
    await expect(one.page.locator("summary")).to_have_text(["code: string(12)", "note: text, may be null"])
