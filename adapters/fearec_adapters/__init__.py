"""First-party sources of data. They import only `fearec_cli.api` and `fearec_cli.errors`.

| package | holds |
|---|---|
| `formats` | files of a general form: csv, tsv, jsonl, parquet, recbole, sequences, pairs |
| `datasets` | published data sets by name, in the files as they are published |
| `hub` | any file of the Hugging Face Hub |
| `reading` | what they are made of: from bytes to the columns of a `fearec_cli.api.Log` |
"""
