"""Draw one figure from the tables of its run or path."""

from grokflow.artifacts.job import as_given, job

with job(snakemake):
    from grokflow.config import Figure
    from grokflow.figures import draw, save

    figure = Figure.model_validate(snakemake.params.figure)
    shown = as_given(snakemake.params.shown, snakemake.input)
    dataset = str(snakemake.input.get("dataset", ""))
    picture = draw(figure, shown, dataset, snakemake.wildcards.figure)
    save(picture, png=snakemake.output.png, svg=snakemake.output.svg)
