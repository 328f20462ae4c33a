"""SQL: tables, migrations, repositories. Rows become domain values here and nowhere else."""
