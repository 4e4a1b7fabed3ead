@echo off
node "%~dp0solc-node.js" %*
