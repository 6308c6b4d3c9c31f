# Run by Snakemake once the environment is there, in the folder where Snakemake was started.
python -m pip install --quiet --no-deps --editable .
