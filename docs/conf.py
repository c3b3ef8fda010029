"""How Sphinx builds docs/: Markdown through MyST, docstrings in numpydoc form, tables from the settings."""

from pathlib import Path

project = "hdnet_ros"
author = "hdnet_ros maintainers"
project_copyright = "hdnet_ros maintainers, Apache-2.0"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "hdnet_ros"
exclude_patterns = ["generated/*"]
# Messages and rclpy are not needed to read docstrings; the weights' card and README live outside docs/.
autodoc_mock_imports = ["rclpy"]
suppress_warnings = ["myst.xref_missing", "toc.not_included"]
napoleon_use_ivar = True


def _write_parameter_tables(_app) -> None:
    from hdnet_ros.pipeline.settings_text import as_markdown

    folder = Path(__file__).parent / "generated"
    folder.mkdir(exist_ok=True)
    for node in ("hdnet_node", "detector_node", "video_node"):
        (folder / f"{node}.md").write_text(as_markdown(node))


def setup(app) -> None:
    """Write the parameters' tables before anything is read."""
    app.connect("builder-inited", _write_parameter_tables)
