"""Sweeps: many experiments that search settings, with Hydra's grammar, Optuna's samplers and Hydra's launchers.

The plan of a sweep:
    sweep                the whole, from settings to result: start reading here
    space                parameters, conditions, and the overrides of a trial
    space_reader         from configuration and command line to a space
    grammar              Hydra's override grammar
    distributions        Hydra's ranges as Optuna's distributions
    grid_search          all combinations of a space
    samplers, pruners    Optuna's classes by their names in the configuration (by_name)
    definition           what identifies a sweep

The trials, in the scheduler's process and in those of the jobs:
    study                the Optuna study of a sweep
    database             its SQLite file or PostgreSQL server
    ownership            which process runs which trial, and whether it is alive
    launchers            Hydra's launchers, their workers, and how many jobs they run in parallel
    preloaded            what every worker has imported when it starts
    scheduler            claims, launches and requeues trials
    job                  runs one trial and stores how it ended
    trial                a running trial, as its process sees it
    trial_observer       from the hooks of an experiment to a trial
    intermediate_values  what a pruner compares

The result:
    summary              trials by state, the best ones
    console_report       printed lines
    mlflow_log           runs in MLflow
    sweep_page           HTML page and table
    adopting, model_file, adoption_text    from a trial to a model of the comparison
"""
