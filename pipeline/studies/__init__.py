"""One file per claim of the lecture that is measured apart from any comparison; `main()` writes its report."""
