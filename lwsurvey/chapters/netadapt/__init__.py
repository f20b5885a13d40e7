"""Chapter `netadapt`: the printed algorithm, its schedules, and NetAdapt against its rivals."""
