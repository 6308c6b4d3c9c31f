"""Draw one figure from the tables of its run or path."""

from grokflow.artifacts.job import job

with job(snakemake):
    from grokflow.config import Figure
    from grokflow.figures import draw, save

    figure = Figure.model_validate(snakemake.params.figure)
    picture = draw(figure, snakemake.params.shown, str(snakemake.input.get("dataset", "")))
    save(picture, png=snakemake.output.png, svg=snakemake.output.svg)
