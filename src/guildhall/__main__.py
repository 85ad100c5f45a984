from guildhall.entrypoints.cli import main

main()
